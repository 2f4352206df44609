//! Letters and signs, as far as it matters whether a reader can see where something ends.

/// Whether a letter takes no ink or hides what stands around it: zero-width letters, marks of direction, joiners, fillers,
/// and what is put upon the letter before it. A value next to one, or with one in it, may not be what it looks like.
pub(super) fn is_hidden(letter: char) -> bool {
    matches!(u32::from(letter),
        0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        | 0x0300..=0x036F | 0x0483..=0x0489 | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F
        | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
        || (letter.is_control() && !letter.is_whitespace())
}

/// Whether what ends (or begins) beside this letter goes on in it.
pub(super) fn goes_on(letter: char) -> bool {
    letter.is_alphanumeric() || is_hidden(letter)
}

/// The letter before a place, and the one at it.
pub(super) fn around(text: &str, start: usize, end: usize) -> (Option<char>, Option<char>) {
    (text[..start].chars().next_back(), text[end..].chars().next())
}

/// The words with one space between them.
pub(super) fn spaced(text: &str) -> String {
    let is_space = |letter: char| letter.is_whitespace() || letter.is_control();
    text.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
