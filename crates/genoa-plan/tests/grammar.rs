//! The grammar of the next statement: good plans fit, bad ones stop at a byte, and whatever fits passes the check.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::sync::LazyLock;
use std::time::Duration;

use genoa_abi::schema::Catalog;
use genoa_plan::{Said, check, next_statement_grammar, scope_after};
use llguidance::api::TopLevelGrammar;
use llguidance::toktrie::{ApproximateTokEnv, InferenceCapabilities};
use llguidance::{Matcher, ParserFactory};
use support::catalog;

static FACTORY: LazyLock<ParserFactory> = LazyLock::new(|| {
    let environment = ApproximateTokEnv::single_byte_env();
    let mut factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &[]).unwrap();
    factory.quiet();
    factory
});

fn matcher(source: &str, catalog: &Catalog) -> Matcher {
    let scope = scope_after(source, catalog).unwrap_or_else(|findings| panic!("{source}\n{findings:?}"));
    let grammar = next_statement_grammar(&scope, catalog, &Said::default());
    let parser = FACTORY.create_parser(TopLevelGrammar::from_lark(grammar.clone()));
    if let Err(error) = &parser {
        panic!("{error}\nafter:\n{source}\n{grammar}");
    }
    Matcher::new(parser)
}

/// How many bytes of `line` fit after `source`, and whether the statement is complete then.
fn fitting(source: &str, line: &str) -> (usize, bool) {
    let mut matcher = matcher(source, &catalog());
    let tokens: Vec<u32> = line.bytes().map(u32::from).collect();
    let fits = matcher.try_consume_tokens(&tokens).unwrap();
    (fits, matcher.is_accepting().unwrap())
}

#[test]
fn good_plans_fit_statement_by_statement() {
    for plan in include_str!("grammar-plans.txt").split("---\n") {
        assert!(check(plan, &catalog(), "").is_ok(), "{plan}");
        let mut written = String::new();
        for line in plan.lines() {
            let line = format!("{line}\n");
            let (fits, is_complete) = fitting(&written, &line);
            assert!(fits == line.len() && is_complete, "{written}>>> {}<HERE>{}", &line[..fits], &line[fits..]);
            // The newline only separates; a block's header needs it.
            let bare = line.trim_end();
            assert_eq!(fitting(&written, bare).1, !bare.ends_with(':'), "{bare}");
            written.push_str(&line);
        }
        assert!(matcher(&written, &catalog()).is_accepting().unwrap(), "the end of\n{plan}");
    }
}

#[test]
fn bad_statements_stop_at_a_byte() {
    let mails = "mails = mail.find(about=\"x\")\n";
    let cases = [
        ("", "x = mail.s<earch"),
        ("", "files = f<iles.file"),
        ("", "files< = "),
        ("", "say<(text=\"done\")"),
        ("", "mail.<find()\n"),
        (mails, "ask<(question=\"which?\")"),
        (mails, "say(text=<\"done\")"),
        (mails, "x = <\"a text of its own\""),
        ("", "notes.write(title=\"a\"<)"),
        ("", "notes.write(t<ext"),
        ("", "x = files.find(kind=\"m<usic\")"),
        ("", "calendar.add(title=\"a\", start=\"s<oon\")"),
        ("", "x = files.find(name=\"a\", n<ame=\"b\")"),
        ("", "slides.make(title=\"a\", points=<"),
        ("", "import< os"),
        ("", "while< True:"),
        ("", "for x in <3"),
        (mails, "for m in mails.<"),
        (mails, "refuse<(\"no\")"),
        (mails, "mails< = mail.find()"),
        (mails, "mail.reply(mail=mails<, body"),
        (mails, "x = mails[0].n<ame"),
        (mails, "calendar.move(event=mails<"),
        (mails, "x = sorted(mails, by=\"si<ze\")"),
        (mails, "    <say"),
        ("for x in [1]:\n", "s<ay"),
        ("x = 1\n", "else<:"),
    ];
    for (before, line) in cases {
        let (good, rest) = line.split_once('<').unwrap_or((line, ""));
        let full = format!("{good}{rest}");
        let (fits, is_complete) = fitting(before, &full);
        assert!(fits <= good.len() && !(is_complete && fits == full.len()), "{before}{full}: {fits} bytes fit");
    }
}

#[test]
fn an_empty_block_cannot_end() {
    for (source, may_end) in [
        ("", false),
        ("x = 1\n", true),
        ("if 1 < 2:\n", false),
        ("if 1 < 2:\n    x = 1\n", true),
        ("refuse(\"no\")\n", true),
    ] {
        assert_eq!(matcher(source, &catalog()).is_accepting().unwrap(), may_end, "{source}");
    }
    // After a refusal there is nothing else.
    assert_eq!(fitting("refuse(\"no\")\n", "say"), (0, true));
}

#[test]
fn what_was_not_said_cannot_be_written() {
    let said = Said::in_intention("Tell Ada about it on Friday");
    let fits = |line: &str| {
        let scope = scope_after("", &catalog()).unwrap();
        let grammar = next_statement_grammar(&scope, &catalog(), &said);
        let mut matcher = Matcher::new(FACTORY.create_parser(TopLevelGrammar::from_lark(grammar)));
        let tokens: Vec<u32> = line.bytes().map(u32::from).collect();
        matcher.try_consume_tokens(&tokens).unwrap() == tokens.len()
    };
    assert!(fits("events = calendar.find(when=\"friday\", people=[\"Ada\"])"));
    assert!(!fits("events = calendar.find(when=\"today\""));
    assert!(!fits("events = calendar.find(people=[\"Boris\""));
}

#[test]
fn a_plan_that_misses_a_named_file_goes_on() {
    let said = Said::in_intention("Put Ada's mails into the table mails.csv");
    let plan = "mails = mail.find(about=\"Ada\")\n";
    assert!(said.misses_a_file(plan) && !said.misses_a_file("table.write(path=\"mails.csv\")\n"));
    let scope = scope_after(plan, &catalog()).unwrap().unfinished();
    let grammar = next_statement_grammar(&scope, &catalog(), &said);
    let mut matcher = Matcher::new(FACTORY.create_parser(TopLevelGrammar::from_lark(grammar)));
    assert!(!matcher.is_accepting().unwrap());
}

/// A small deterministic generator, so that a failing walk can be walked again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }
}

/// Pieces that a walk tries, besides single bytes, so that it gets beyond long names and texts.
const PIECES: [&str; 32] = [
    "for ", "if ", "else", "elif ", "    ", " = ", " in ", ":\n", "\n", "[", "]", "first(", "last(", "largest(",
    "sorted(", "len(", "join(", "f\"", "{", "}", "\"", ", ", ")", ".", " if ", " and ", "not ", " == ", "1", " + ",
    "True", "[0]",
];

/// Every word that the plan and the catalogue know.
fn words(source: &str, catalog: &Catalog) -> Vec<String> {
    let known = source.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').map(str::to_owned);
    let calls = catalog.tools.keys().map(|name| format!("{name}("));
    let fields = catalog.records.values().flat_map(|record| &record.fields).map(|field| field.name.clone());
    known.chain(calls).chain(fields).filter(|word| !word.is_empty()).collect()
}

/// Writes one statement of random pieces and bytes that the mask allows; nothing if it ends the plan.
fn random_statement(source: &str, catalog: &Catalog, dice: &mut Dice) -> Option<String> {
    let mut matcher = matcher(source, catalog);
    let words = words(source, catalog);
    let mut line = Vec::new();
    loop {
        let ends = matcher.is_accepting().unwrap();
        if ends && dice.roll(12) == 0 {
            return (!line.is_empty()).then(|| String::from_utf8(line).unwrap());
        }
        let mask = matcher.compute_mask_or_eos().unwrap();
        let allowed: Vec<u8> = (0..=255_u8).filter(|byte| mask.is_allowed(u32::from(*byte))).collect();
        if allowed.is_empty() {
            assert!(ends, "stuck after {:?} in\n{source}", String::from_utf8_lossy(&line));
            return (!line.is_empty()).then(|| String::from_utf8(line).unwrap());
        }
        let tries = (0..10).map(|_| match dice.roll(3) {
            0 if !words.is_empty() => words[dice.roll(words.len())].as_str(),
            _ => PIECES[dice.roll(PIECES.len())],
        });
        let tries: Vec<&str> = tries.filter(|piece| allowed.contains(&piece.as_bytes()[0])).collect();
        let fits = |piece: &&str| {
            let tokens: Vec<u32> = piece.bytes().map(u32::from).collect();
            matcher.validate_tokens(&tokens).unwrap() == tokens.len()
        };
        let piece = tries.into_iter().find(fits).map(|piece| piece.as_bytes().to_vec());
        for byte in piece.unwrap_or_else(|| vec![allowed[dice.roll(allowed.len())]]) {
            matcher.consume_token(u32::from(byte)).unwrap();
            line.push(byte);
        }
    }
}

#[test]
fn whatever_the_grammar_accepts_passes_the_check() {
    let catalog = catalog();
    let mut statements = 0;
    let mut written = String::new();
    for seed in 0..WALKS {
        let mut dice = Dice(seed);
        let mut source = String::new();
        // A block that is open at the end gets one more statement.
        for place in 0..30 {
            if place > 8 && check(&source, &catalog, "").is_ok() {
                break;
            }
            let Some(line) = random_statement(&source, &catalog, &mut dice) else { break };
            statements += 1;
            source.push_str(&line);
            if !line.ends_with('\n') {
                break;
            }
        }
        if let Err(findings) = check(&source, &catalog, "") {
            panic!("seed {seed}: {}\n{source}", findings[0]);
        }
        written.push_str(&source);
    }
    assert!(statements > usize::try_from(WALKS).unwrap(), "{statements} statements");
    for kind in ["\nfor ", "\nif ", "\n    ", " for ", "first(", "f\"", "[0]", "sorted("] {
        assert!(written.contains(kind), "no walk wrote {kind:?}");
    }
    println!("{WALKS} plans of {statements} statements");
}

/// Random plans; a longer walk is run with `GENOA_WALKS=…` at compile time.
const WALKS: u64 = match option_env!("GENOA_WALKS") {
    Some(text) => match u64::from_str_radix(text, 10) {
        Ok(walks) => walks,
        Err(_) => 60,
    },
    None => 60,
};

#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures")]
fn grammars_are_small_and_quick() {
    // Sixty tools: the test catalogue twice.
    let mut large = catalog();
    for (name, tool) in catalog().tools {
        if let Some((group, verb)) = name.split_once('.') {
            let mut tool = tool;
            tool.name = format!("{group}_too.{verb}");
            large.tools.insert(tool.name.clone(), tool);
        }
    }
    assert!(large.tools.len() >= 50, "{}", large.tools.len());
    let source = include_str!("good-plans.txt").split("---\n").next().unwrap();
    let nested = format!("{source}for e in event.people:\n    if e.phone:\n        say(e)\n");
    for source in ["", source, &nested] {
        let scope = scope_after(source, &large).unwrap();
        let grammar = next_statement_grammar(&scope, &large, &Said::default());
        let start = std::time::Instant::now();
        for _ in 0..20 {
            std::hint::black_box(next_statement_grammar(&scope, &large, &Said::default()));
        }
        let each = start.elapsed() / 20;
        println!(
            "{} tools, {} bytes of plan: {} bytes of grammar in {each:?}",
            large.tools.len(),
            source.len(),
            grammar.len()
        );
        assert!(grammar.len() < 64 * 1024, "{} bytes", grammar.len());
        assert!(each < Duration::from_millis(200), "{each:?}");
    }
}
