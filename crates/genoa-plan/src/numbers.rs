//! Numbers as people write them in texts.

/// The number that a text states, if it states one and no other. A comma or a point is a decimal mark where no three digits
/// follow it or where the other mark groups thousands; a point before three digits is one too, as machines write it.
pub(crate) fn number_in(text: &str) -> Option<f64> {
    let mut found: Option<f64> = None;
    let is_part = |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | ',');
    for (start, word) in parts(text, is_part) {
        let word = word.trim_matches(['.', ',']);
        if !word.contains(|letter: char| letter.is_ascii_digit()) {
            continue;
        }
        let value: f64 = plain(word)?.parse().ok()?;
        let is_negative =
            text[..start].ends_with(['-', '−']) && !text[..start].trim_end_matches(['-', '−']).ends_with(is_part);
        let value = if is_negative { -value } else { value };
        match found {
            Some(earlier) if earlier.to_bits() != value.to_bits() => return None,
            _ => found = Some(value),
        }
    }
    found.filter(|value| value.is_finite())
}

/// The runs of letters that `is_part`, with where they begin.
fn parts(text: &str, is_part: impl Fn(char) -> bool) -> Vec<(usize, &str)> {
    let mut start = 0;
    let mut found = Vec::new();
    for part in text.split(|letter| !is_part(letter)) {
        if !part.is_empty() {
            found.push((start, part));
        }
        let end = start + part.len();
        start = end + text[end..].chars().next().map_or(0, char::len_utf8);
    }
    found
}

/// Digits with at most one decimal point; nothing for what is no number (`1.2.3,4`).
pub(crate) fn plain(word: &str) -> Option<String> {
    let (points, commas) = (word.matches('.').count(), word.matches(',').count());
    let is_grouped = |whole: &str, mark: char| whole.split(mark).skip(1).all(|group| group.len() == 3);
    let marks = match (points, commas) {
        (0, 0) | (1, 0) => return Some(word.to_owned()),
        (0, 1) if !is_grouped(word, ',') => return Some(word.replace(',', ".")),
        (0, _) => return is_grouped(word, ',').then(|| word.replace(',', "")),
        (_, 0) => return is_grouped(word, '.').then(|| word.replace('.', "")),
        (1, _) if word.rfind('.') > word.rfind(',') => ('.', ','),
        (_, 1) if word.rfind(',') > word.rfind('.') => (',', '.'),
        _ => return None,
    };
    let (decimal, group) = marks;
    let (whole, rest) = word.split_once(decimal)?;
    is_grouped(whole, group).then(|| format!("{}.{rest}", whole.replace(group, "")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::number_in;

    #[test]
    fn one_number_is_found_as_people_write_it() {
        let check = |text: &str, expected: Option<f64>| assert_eq!(number_in(text), expected, "{text}");
        check("Total: 98.70", Some(98.7));
        check("the rent is $1,250.00 a month", Some(1250.0));
        check("1.250,50 €", Some(1250.5));
        check("12,5 kg", Some(12.5));
        check("40,000 euro", Some(40_000.0));
        check("1.234.567", Some(1_234_567.0));
        check("0.125", Some(0.125));
        check("it fell by -3.", Some(-3.0));
        check("say 7, and again 7.", Some(7.0));
        check("between 3 and 4", None);
        check("2022-03-01", None);
        check("1.2.3,4", None);
        check("none at all", None);
        check("", None);
        check("...", None);
    }

    proptest! {
        #[test]
        fn what_the_language_shows_it_reads_again(value in -1.0e9..1.0e9f64) {
            prop_assert_eq!(number_in(&format!("it is {value} here")), Some(value));
        }

        #[test]
        fn nothing_breaks_it(text in "\\PC*") {
            number_in(&text);
        }
    }
}
