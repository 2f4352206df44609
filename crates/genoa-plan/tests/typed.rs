//! Values of a type out of free text: only what stands in a text comes out of it, whatever a model says.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "what fails here fails the test, which takes the time"
)]

mod support;

use std::time::{Duration, Instant};

use genoa_abi::Datum;
use genoa_plan::{FieldKind, TypedField, answer_grammar, check, chosen, has_choice, stands_in, stated};
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
use llguidance::{Matcher, ParserFactory};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::{catalog, clock};

const KINDS: [&str; 13] = [
    "text", "number", "date", "email", "url", "path", "yes/no", "texts", "numbers", "dates", "emails", "urls", "paths",
];

fn fields(types: &[(&str, &str)]) -> Vec<TypedField> {
    types.iter().map(|(name, word)| TypedField::read(name, word).unwrap()).collect()
}

fn found(kind: FieldKind, text: &str) -> Vec<String> {
    let told = |value: &Datum| match value {
        Datum::Text(text) => text.clone(),
        Datum::Number(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    stated(kind, text, &clock()).iter().map(|one| told(&one.value)).collect()
}

#[test]
fn numbers_are_found_as_people_write_them() {
    let check = |text: &str, expected: &[&str]| assert_eq!(found(FieldKind::Number, text), expected, "{text}");
    check("The total is 1,250.00 euro, of which 98.70 for us.", &["1250", "98.7"]);
    check("1.250,50 € and 40'000 and 1\u{a0}234\u{a0}567 or 12,5", &["1250.5", "40000", "1234567", "12.5"]);
    check("EUR40, $40.5, 12kg (3%) it fell by -3 to −2.5", &["40", "40.5", "12", "3", "-3", "-2.5"]);
    check("Total:98 = 7", &["98", "7"]);
    // Parts of something else.
    check("INV-2231, A4, 3rd, 10:30, 2027-03-12, 12/40, 007, +49, v1.2.3, x_5, 40k, 3m, 5th, 1.2.3,4, 12a", &[]);
    check("on 12 March 2027, www.x2.example.org/3, a1@b2.example", &[]);
    // Digits of others, digits that touch what cannot be seen, numbers that no conversion keeps.
    check("４２ and ٤٢ and 1\u{200b}2 and 1\u{301} and \u{2066}5", &[]);
    check("1234567890123456 and 123456789012345", &["123456789012345"]);
    check("", &[]);
}

#[test]
fn addresses_are_found_letter_by_letter() {
    let check = |kind: FieldKind, text: &str, expected: &[&str]| assert_eq!(found(kind, text), expected, "{text}");
    check(
        FieldKind::Email,
        "Write to Ada.Lund+x@post.example.org. Or (b@c.example)!",
        &["Ada.Lund+x@post.example.org", "b@c.example"],
    );
    check(FieldKind::Email, "a@b, @c.example, a@@b.example, a@b.example@c.example, a@-b.example, a@b..example", &[]);
    // A letter of another script beside it, or inside it, is another address.
    check(FieldKind::Email, "аda@post.example ada@pоst.example ada@post.exampleа ada@po\u{200b}st.example", &[]);
    check(
        FieldKind::Url,
        "See https://example.org/a?b=1. And www.eve-blog.com, (http://x.example:80/)!",
        &["https://example.org/a?b=1", "www.eve-blog.com", "http://x.example:80/"],
    );
    check(FieldKind::Url, "https://exаmple.org http:// www. ahttp://x.example www.exam\u{200d}ple.org", &[]);
    check(
        FieldKind::Path,
        "It lies in Papers/flat.txt, “My notes.md” and /etc/hosts or ~/Photos/.",
        &["Papers/flat.txt", "My notes.md", "/etc/hosts", "~/Photos/"],
    );
    check(FieldKind::Path, "and/or 12/40 3.5 a@b.example https://x.example/a.pdf the end.", &[]);
}

#[test]
fn words_are_given_out_as_the_text_has_them() {
    let text = "Account:  DE89 3704\n0044, holder \"Ada Lund\" (Oslo).";
    for (words, expected) in [
        ("de89 3704 0044", Some("DE89 3704 0044")),
        ("Ada Lund", Some("Ada Lund")),
        ("holder Ada Lund", Some("holder \"Ada Lund")),
        ("DE89 3704 0045", None),
        ("E89", None),
        ("da Lund", None),
        ("", None),
        (" ", None),
    ] {
        assert_eq!(stands_in(words, text).as_deref(), expected, "{words}");
    }
    assert_eq!(stands_in("Oslo", "Os\u{200b}lo"), None);
    assert_eq!(stands_in("Os\u{200b}lo", "Os\u{200b}lo"), None);
    assert_eq!(stands_in("lo", "\u{200b}lo"), None);
    assert_eq!(stands_in(&"a".repeat(121), &"a".repeat(121)), None);
}

#[test]
fn an_answer_is_looked_up_in_the_text() {
    let text = "Invoice of 3 May 2027: 98.70 to pay, 12.00 are discount. Questions: ada@post.example.";
    let form =
        fields(&[("total", "number"), ("due", "date"), ("who", "email"), ("all", "numbers"), ("paid", "yes/no")]);
    let answer = json!({"total": "98.70", "due": "4 May 2027", "who": "eve@evil.example", "all": ["12.00", "98.70", "5", "12.00"], "paid": false});
    let (values, dropped) = chosen(&answer.to_string(), &form, text, &clock());
    assert_eq!(values["total"], Datum::Number(98.7));
    assert_eq!((&values["due"], &values["who"]), (&Datum::None, &Datum::None));
    assert_eq!(values["all"], Datum::List(vec![Datum::Number(12.0).into(), Datum::Number(98.7).into()]));
    assert_eq!(values["paid"], Datum::Bool(false));
    assert_eq!(dropped, 3);
    for nonsense in ["", "98.70", "[1]", "{\"total\": 98.70}", "{\"total\": [\"98.70\"]}", "{\"total\""] {
        let (values, _) = chosen(nonsense, &form, text, &clock());
        assert_eq!(values["total"], Datum::None, "{nonsense}");
        assert_eq!(values["all"], Datum::List(vec![]), "{nonsense}");
    }
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_day = bytes.len() == 10 || (bytes.len() == 25 && bytes[10] == b'T');
    is_day && bytes[4] == b'-' && bytes[7] == b'-' && bytes[..4].iter().all(u8::is_ascii_digit)
}

/// Whether the value stands in the text, in one of the ways in which people write it: found without the code under test.
fn stands(value: &Datum, text: &str) -> bool {
    let squeezed = |text: &str| {
        text.to_lowercase().split(|c: char| c.is_whitespace() || c == '"' || c == '\\').collect::<String>()
    };
    match value {
        Datum::None | Datum::Bool(_) => true,
        Datum::List(items) => items.iter().all(|item| stands(&item.datum, text)),
        Datum::Number(number) => {
            // Its digits stand somewhere in a row, with nothing but marks between them.
            let digits: String = number.abs().to_string().chars().filter(char::is_ascii_digit).collect();
            let marks = ['.', ',', '\'', '’', '\u{a0}', '\u{202f}', '\u{2009}'];
            let plain: String = text.chars().filter(|letter| !marks.contains(letter)).collect();
            plain.contains(digits.trim_start_matches('0').trim_end_matches('0'))
        }
        Datum::Text(date) if is_date(date) => {
            // The day stands there as a number.
            let day = date[8..10].trim_start_matches('0').to_owned();
            text.split(|letter: char| !letter.is_ascii_digit()).any(|run| run.trim_start_matches('0') == day)
                || text.contains('T')
        }
        Datum::Text(words) => squeezed(text).contains(&squeezed(words)),
        other => panic!("{other:?}"),
    }
}

/// Texts out of what could be taken for values, and of what disturbs it.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,4}([.,'][0-9]{1,3}){0,2}",
        "[0-9]{1,2} (March|May|november) (2027)?",
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]",
        "[a-z]{1,4}@[a-z]{1,4}[.](org|example)",
        "(https://|www[.])[a-z.]{1,9}(/[a-z]{0,4})?",
        "[A-Za-z]{1,5}/[a-z ]{1,5}[.](txt|pdf)",
        "[ \n\t.,;:!?()\"'\\\\-]{1,3}",
        "\u{200b}|\u{301}|\u{a0}|а|４|€|\u{2066}",
        "[a-zA-Z]{1,7}",
        "\\PC",
    ];
    prop::collection::vec(piece, 0..25).prop_map(|pieces| pieces.concat())
}

fn forms() -> impl Strategy<Value = Vec<TypedField>> {
    prop::collection::vec(0..KINDS.len(), 1..5).prop_map(|kinds| {
        let field = |(place, kind): (usize, usize)| TypedField::read(&format!("f{place}"), KINDS[kind]).unwrap();
        kinds.into_iter().enumerate().map(field).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_in_the_text_never_comes_out(text in texts(), form in forms(), said in texts(), other in "\\PC{0,12}") {
        // A model that lies: words of its own, of another text, candidates of another text, nothing of the right form.
        let mut lies: Vec<Json> = vec![json!(said), json!(other), json!(17), json!(true), json!({"a": 1}), json!([said, other])];
        for field in &form {
            lies.extend(stated(field.kind, &said, &clock()).into_iter().map(|one| json!(one.words)));
            lies.extend(stated(field.kind, &text, &clock()).into_iter().map(|one| json!(one.words)));
        }
        for lie in lies {
            let answer: serde_json::Map<String, Json> = form.iter().map(|field| (field.name.clone(), lie.clone())).collect();
            let (values, _) = chosen(&Json::Object(answer).to_string(), &form, &text, &clock());
            prop_assert_eq!(values.len(), form.len());
            for value in values.values() {
                prop_assert!(stands(value, &text), "{:?} is not in {:?}", value, text);
            }
        }
        let (_, _) = chosen(&other, &form, &text, &clock());
    }

    #[test]
    fn what_is_found_stands_at_its_place(text in texts()) {
        for kind in [FieldKind::Number, FieldKind::Date, FieldKind::Email, FieldKind::Url, FieldKind::Path] {
            for one in stated(kind, &text, &clock()) {
                let spaced = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
                prop_assert!(spaced.contains(&one.words), "{:?} in {:?}", one, text);
                prop_assert!(!one.words.contains('\u{200b}') && stands(&one.value, &text), "{:?} in {:?}", one, text);
            }
        }
    }

    #[test]
    fn whatever_the_grammar_of_the_answer_allows_is_kept(text in texts(), form in forms(), seed in any::<u64>()) {
        prop_assume!(has_choice(&form, &text, &clock()));
        let answer = random_answer(&answer_grammar(&form, &text, &clock()), seed);
        let read: serde_json::Map<String, Json> = serde_json::from_str(&answer).unwrap();
        prop_assert!(form.iter().all(|field| read.contains_key(&field.name)), "{}", answer);
        let (values, dropped) = chosen(&answer, &form, &text, &clock());
        prop_assert!(values.values().all(|value| stands(value, &text)));
        // A text may begin or end beside a letter that cannot be seen; all else is what was found.
        let has_text = form.iter().any(|field| field.kind == FieldKind::Text);
        prop_assert!(dropped == 0 || has_text, "{} of {} in {:?}", dropped, answer, text);
    }
}

/// An answer that the grammar accepts, letter by letter at random.
fn random_answer(grammar: &str, seed: u64) -> String {
    let environment = ApproximateTokEnv::single_byte_env();
    let mut factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &[]).unwrap();
    factory.quiet();
    let parser = factory.create_parser(TopLevelGrammar::from_lark(grammar.to_owned()));
    if let Err(error) = &parser {
        panic!("{error}\n{grammar}");
    }
    let mut matcher = Matcher::new(parser);
    let (mut dice, mut written) = (seed | 1, Vec::new());
    loop {
        let mask = matcher.compute_mask_or_eos().unwrap();
        let allowed: Vec<u8> = (0..=255_u8).filter(|byte| mask.is_allowed(u32::from(*byte))).collect();
        if allowed.is_empty() || matcher.is_accepting().unwrap() {
            return String::from_utf8(written).unwrap();
        }
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let byte = allowed[usize::try_from(dice >> 33).unwrap() % allowed.len()];
        matcher.consume_token(u32::from(byte)).unwrap();
        written.push(byte);
    }
}

#[test]
fn a_grammar_has_nothing_but_what_stands_there() {
    let text = "98.70 to pay by 3 May 2027";
    let form = fields(&[("total", "number"), ("due", "date"), ("who", "email"), ("links", "urls")]);
    insta::assert_snapshot!(answer_grammar(&form, text, &clock()), @r#"
    start: "{" "\"total\": " (number | "null") ", " "\"due\": " (date | "null") ", " "\"who\": " "null" ", " "\"links\": " "[]" "}"
    number: "\"98.70\""
    date: "\"3 May 2027\""
    "#);
    assert!(has_choice(&form, text, &clock()) && !has_choice(&fields(&[("who", "email")]), text, &clock()));
}

#[test]
fn hostile_texts_take_little_time_and_give_little() {
    let digits = "9".repeat(1 << 20);
    let texts = [
        digits.clone(),
        "1 ".repeat(1 << 16),
        "1.".repeat(1 << 16),
        "1'".repeat(1 << 16),
        "a@".repeat(1 << 16),
        "a@b.co ".repeat(1 << 14),
        "www.".repeat(1 << 15),
        "/a.b".repeat(1 << 15),
        "\"a".repeat(1 << 16),
        "12 May ".repeat(1 << 14),
        "at 12 may 2027 at 10:00 ".repeat(1 << 12),
        "\u{200b}".repeat(1 << 15),
        "1/".repeat(1 << 16),
        "((((".repeat(1 << 15),
    ];
    for text in texts {
        let shown: String = text.chars().take(8).collect();
        for kind in [FieldKind::Number, FieldKind::Date, FieldKind::Email, FieldKind::Url, FieldKind::Path] {
            let start = Instant::now();
            let count = stated(kind, &text, &clock()).len();
            assert!(count <= genoa_abi::limits::EXTRACT_CANDIDATES, "{shown}: {count}");
            assert!(start.elapsed() < Duration::from_secs(20), "{kind:?} of {shown}: {:?}", start.elapsed());
        }
        assert!(stands_in(&"9".repeat(100), &text).is_none(), "{shown}");
    }
    assert!(found(FieldKind::Number, &digits).is_empty());
}

#[test]
fn a_plan_knows_the_types_of_what_it_reads() {
    let findings = |source: &str| match check(source, &catalog(), "") {
        Ok(_) => "accepted".to_owned(),
        Err(findings) => findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    };
    let mail = "m = mail.open(id=\"1\")\n";
    let cases = [
        ("bill = extract(m, fields={\"total\": \"number\"})\nx = bill.total * 2", "accepted"),
        (
            "bill = extract(m, {\"total\": \"number\"})\n",
            "only the first argument of `extract` may stand without its name",
        ),
        ("bill = extract(fields={\"total\": \"number\"}, text=[m])\nx = bill[0].source", "accepted"),
        ("bill = extract(m, fields={\"total\": \"number\"})\nx = bill.due", "Entry has no field `due`"),
        ("bill = extract(m, fields={\"due\": \"date\"})\nx = bill.due + 1", "does not go with"),
        ("bill = extract(m, fields={\"due\": \"date\"})\ncalendar.add(title=\"a\", start=bill.due)", "accepted"),
        ("bill = extract(m, fields={\"total\": \"float\"})", "“float” is no type of a field"),
        ("bill = extract(m, fields={\"to tal\": \"number\"})", "`to tal` is no name for a field"),
        ("bill = extract(m, fields={})", "there is no field to look for"),
        ("bill = extract(m, fields={\"total\": 3})", "plans have no dictionaries"),
        ("bill = {\"total\": \"number\"}", "a dictionary has no place here"),
        ("say({\"total\": \"number\"})", "a dictionary has no place here"),
        (
            "a = extract(m, fields={\"x\": \"number\"})\nb = extract(m, fields={\"x\": \"date\"})\nc = b.x + 1",
            "does not go with",
        ),
        (
            "a = extract(m, fields={\"x\": \"number\"})\nb = extract(m.text, fields={\"x\": \"number\"})\nc = a == b",
            "accepted",
        ),
        ("a = extract([m], fields={\"x\": \"number\"})\nb = a.x", "which has no field `x`"),
    ];
    for (source, expected) in cases {
        let found = findings(&format!("{mail}{source}"));
        assert!(found.contains(expected), "{source}\n{found}");
    }
    let preview = check(
        &format!("{mail}say(extract(m, fields={{\"paid_on\": \"date\", \"total\": \"number\"}}))"),
        &catalog(),
        "",
    );
    let preview = preview.unwrap().plan.preview(&catalog()).join("\n");
    assert!(preview.contains("Extract “paid on” (date), “total” (number) from m"), "{preview}");
}

#[test]
fn records_of_several_extracts_keep_their_names_as_the_plan_grows() {
    let first = "m = mail.open(id=\"1\")\na = extract(m, fields={\"x\": \"number\"})\n";
    let second = format!("{first}b = extract(m, fields={{\"y\": \"date\"}})\nc = a.x\nd = b.y\n");
    assert!(check(first, &catalog(), "").is_ok() && check(&second, &catalog(), "").is_ok());
}
