//! Letters that make one name look like another: those of a second script, and characters that are not seen.
//!
//! Told by plain ranges of code points: no crate with Unicode's tables is among those that this one may use. Letters of
//! the scripts that look like Latin ones are told apart one by one; all others are one script, so a name in Japanese is
//! of one.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

/// Characters that are named to a person, at most.
const NAMED: usize = 4;
/// How deep arguments are looked through for people; no type of the catalogue nests so deep.
const DEPTH: usize = 12;

/// What a letter is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Other,
    /// Letters that only imitate: full-width, mathematical, letter-like signs.
    Imitation,
}

/// A line for each person in the arguments whose name or address is not what it looks like.
pub(crate) fn told(arguments: &Map<String, Json>) -> Vec<String> {
    let mut told = Vec::new();
    arguments.values().for_each(|argument| look(argument, DEPTH, &mut told));
    told.dedup();
    told
}

fn look(json: &Json, depth: usize, told: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match json {
        Json::Array(items) => items.iter().for_each(|item| look(item, depth, told)),
        Json::Object(fields) => {
            if let Some(Json::String(address)) = fields.get("email") {
                told.extend(odd(address, true).map(|odd| format!("the address {} {odd}", spelled(address))));
                if let Some(Json::String(name)) = fields.get("name") {
                    told.extend(odd(name, false).map(|odd| format!("the name {} {odd}", spelled(name))));
                }
            }
            fields.values().for_each(|field| look(field, depth, told));
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

/// What is odd about a text: `has characters that are not seen: U+200B`.
fn odd(text: &str, is_address: bool) -> Option<String> {
    let unseen: BTreeSet<char> = text.chars().filter(|letter| is_unseen(*letter)).collect();
    let mut odd = Vec::new();
    if !unseen.is_empty() {
        odd.push(format!("has characters that are not seen: {}", points(&unseen)));
    }
    let foreign = foreign(text, is_address);
    if !foreign.is_empty() {
        odd.push(format!("has letters of another script: {}", points(&foreign)));
    }
    (!odd.is_empty()).then(|| odd.join("; "))
}

/// The letters that are not of the script that most are of, and those that only imitate.
fn foreign(text: &str, is_address: bool) -> BTreeSet<char> {
    let script =
        |letter: char| script(letter).or_else(|| (is_address && !letter.is_ascii()).then_some(Script::Imitation));
    let letters =
        || text.chars().filter(|letter| !is_unseen(*letter)).filter_map(|letter| Some((letter, script(letter)?)));
    let count = |of: Script| letters().filter(|(_, script)| *script == of).count();
    let own = [Script::Latin, Script::Greek, Script::Cyrillic, Script::Other];
    // In an address the part that anybody can type is what the rest is compared with.
    let main = if is_address && count(Script::Latin) > 0 {
        Some(Script::Latin)
    } else {
        own.into_iter().rev().max_by_key(|script| count(*script))
    };
    letters().filter(|(_, script)| Some(*script) != main).map(|(letter, _)| letter).collect()
}

fn script(letter: char) -> Option<Script> {
    match u32::from(letter) {
        0x2100..=0x214F | 0xFF01..=0xFFEE | 0x1_D400..=0x1_D7FF | 0x2460..=0x24FF | 0x1_F100..=0x1_F1FF => {
            Some(Script::Imitation)
        }
        _ if !letter.is_alphabetic() => None,
        0x00..=0x02AF | 0x1E00..=0x1EFF | 0x2C60..=0x2C7F | 0xA720..=0xA7FF | 0xAB30..=0xAB64 | 0xFB00..=0xFB06 => {
            Some(Script::Latin)
        }
        0x0370..=0x03FF | 0x1F00..=0x1FFF => Some(Script::Greek),
        0x0400..=0x052F | 0x1C80..=0x1C8F | 0x2DE0..=0x2DFF | 0xA640..=0xA69F => Some(Script::Cyrillic),
        // Modifiers, and marks that stand on other letters.
        0x02B0..=0x036F => None,
        _ => Some(Script::Other),
    }
}

/// Whether a character takes no ink: format characters, fillers, and spaces other than the one on the keyboard.
fn is_unseen(letter: char) -> bool {
    matches!(
        u32::from(letter),
        0x00..=0x1F
            | 0x7F..=0xA0
            | 0xAD
            | 0x034F
            | 0x0600..=0x0605
            | 0x061C
            | 0x06DD
            | 0x070F
            | 0x115F..=0x1160
            | 0x1680
            | 0x17B4..=0x17B5
            | 0x180B..=0x180F
            | 0x2000..=0x200F
            | 0x2028..=0x202F
            | 0x205F..=0x206F
            | 0x2800
            | 0x3000
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF0..=0xFFFB
            | 0x1_BCA0..=0x1_BCA3
            | 0x1_D173..=0x1_D17A
            | 0xE_0000..=0xE_0FFF
    )
}

/// A text in which nothing is unseen, on one line.
pub(crate) fn spelled(text: &str) -> String {
    text.chars()
        .map(|letter| if is_unseen(letter) { letter.escape_unicode().to_string() } else { letter.to_string() })
        .collect()
}

/// A name as it stands in a list: in quotation marks where something in it could be taken for what is around it.
pub(crate) fn unmistakable(name: &str, marks: &str) -> String {
    if name.contains(|letter| marks.contains(letter) || "“”".contains(letter)) {
        format!("“{}”", name.replace(['“', '”'], "\""))
    } else {
        name.to_owned()
    }
}

/// `U+0430, U+043E, and 3 more`
fn points(letters: &BTreeSet<char>) -> String {
    let mut points: Vec<String> =
        letters.iter().take(NAMED).map(|letter| format!("U+{:04X}", u32::from(*letter))).collect();
    if letters.len() > NAMED {
        points.push(format!("and {} more", letters.len() - NAMED));
    }
    points.join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{odd, spelled, told};

    #[test]
    fn one_script_is_nothing_to_tell() {
        for name in [
            "Ada Okafor",
            "Jörg Müller-Lüdenscheidt",
            "Ада Лавлейс",
            "Αθηνά",
            "田中 さくら",
            "Łukasz 2",
            "Zoe\u{308}",
            "O’Neill",
            "שרה",
            "",
        ] {
            assert_eq!(odd(name, false), None, "{name}");
        }
        for address in [
            "ada@corp.example",
            "ada+list_2@corp-3.example",
            "jörg@müller.example",
            "почта@пример.рф",
            "用户@例子.广告",
        ] {
            assert_eq!(odd(address, true), None, "{address}");
        }
    }

    #[test]
    fn letters_of_another_script_are_named() {
        for (text, is_address, points) in [
            ("Аda", false, "U+0410"),
            ("Αda", false, "U+0391"),
            ("аda@corp.example", true, "U+0430"),
            ("ада@corp.example", true, "U+0430, U+0434"),
            ("ada@cοrp.example", true, "U+03BF"),
            ("ａda@corp.example", true, "U+FF41"),
            ("ada@corp．example", true, "U+FF0E"),
            ("ada@corp․example", true, "U+2024"),
            ("\u{212A}ate@corp.example", true, "U+212A"),
            ("𝐀da", false, "U+1D400"),
            ("Հda", false, "U+0540"),
        ] {
            assert_eq!(odd(text, is_address), Some(format!("has letters of another script: {points}")), "{text}");
        }
    }

    #[test]
    fn what_is_not_seen_is_named() {
        for letter in [
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{ad}',
            '\u{a0}',
            '\u{e0061}',
            '\u{3164}',
            '\u{2060}',
            '\u{1b}',
        ] {
            let told = Some(format!("has characters that are not seen: U+{:04X}", u32::from(letter)));
            assert_eq!(odd(&format!("Ada{letter}"), false), told);
            assert_eq!(odd(&format!("ada{letter}@corp.example"), true), told);
        }
        assert_eq!(spelled("a\u{202e}b\nc"), "a\\u{202e}b\\u{a}c");
    }

    #[test]
    fn people_are_found_in_every_argument() {
        let arguments = json!({
            "to": [{ "name": "Аda", "email": "ada@corp.example" }, { "name": "Bo", "email": "b\u{200b}o@corp.example" }],
            "body": "Привет from Ada",
        });
        assert_eq!(
            told(arguments.as_object().unwrap()),
            [
                "the name Аda has letters of another script: U+0410",
                "the address b\\u{200b}o@corp.example has characters that are not seen: U+200B",
            ]
        );
    }

    proptest! {
        #[test]
        fn a_plain_address_with_one_letter_exchanged_is_always_told(
            place in 0..8_usize,
            other in prop::sample::select(vec!['а', 'е', 'о', 'р', 'с', 'х', 'ο', 'ν', 'ａ', 'ℯ', '𝚊', 'ꭺ', '\u{200b}', '\u{200d}', '\u{ad}']),
        ) {
            let mut letters: Vec<char> = "adalovel@corp.example".chars().collect();
            letters[place] = other;
            let address: String = letters.into_iter().collect();
            prop_assert!(odd(&address, true).is_some(), "{}", address);
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}|(\\p{Any}){0,20}") {
            let _ = (odd(&text, true), odd(&text, false));
            let is_seen = !spelled(&text).contains(['\n', '\r', '\u{1b}', '\u{202e}', '\u{2028}']);
            prop_assert!(is_seen);
        }
    }
}
