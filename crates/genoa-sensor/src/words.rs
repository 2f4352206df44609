//! The words of a text, as the sensor takes them.

/// A word in lower case, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) begin: usize,
    pub(crate) end: usize,
}

/// What stands between letters and is not seen: words are often cut in two by it, to be read over.
const UNSEEN: [char; 6] = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// Runs of letters and digits. All numbers are one word: which it is says nothing.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut word = Word { text: String::new(), begin: 0, end: 0 };
    for (place, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        if UNSEEN.contains(&letter) {
            continue;
        }
        if letter.is_alphanumeric() {
            if word.text.is_empty() {
                word.begin = place;
            }
            word.text.extend(letter.to_lowercase());
            word.end = place + letter.len_utf8();
        } else if !word.text.is_empty() {
            if word.text.starts_with(char::is_numeric) {
                "0".clone_into(&mut word.text);
            }
            found.push(std::mem::replace(&mut word, Word { text: String::new(), begin: 0, end: 0 }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::words;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        assert_eq!(texts("Don't pay 1,250.00 EUR\u{2014}Ärger!"), ["don", "t", "pay", "0", "0", "0", "eur", "ärger"]);
        assert_eq!(texts("ig\u{200b}nore"), ["ignore"]);
        assert_eq!(texts(" .. "), Vec::<String>::new());
    }

    #[test]
    fn a_word_knows_where_it_stands() {
        let text = "\u{201c}Ärger\u{201d}, so";
        let found: Vec<&str> = words(text).iter().map(|word| &text[word.begin..word.end]).collect();
        assert_eq!(found, ["Ärger", "so"]);
    }
}
