//! What a plan claims to have done in its own words, held against what was done.
//!
//! The words of an answer are the planner's, and a planner says "sent" before anything is. A claim of a deed that nothing in
//! the record bears out is not taken away (the rest of the sentence may be true), but marked.

/// A kind of deed that a sentence may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A message left.
    Sent,
    /// A file, an event or a setting is another now.
    Changed,
    /// The system is another now.
    Governed,
}

/// What a run did, as the record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    /// It put a message into the outbox.
    pub(crate) sent: bool,
    /// The difference shows a change that a call of it made.
    pub(crate) changed: bool,
    /// A call that changes the system ended well.
    pub(crate) governed: bool,
}

/// Past participles by which people say what was done.
const DEEDS: [(&str, Deed); 34] = [
    ("sent", Deed::Sent),
    ("mailed", Deed::Sent),
    ("emailed", Deed::Sent),
    ("forwarded", Deed::Sent),
    ("replied", Deed::Sent),
    ("created", Deed::Changed),
    ("written", Deed::Changed),
    ("wrote", Deed::Changed),
    ("saved", Deed::Changed),
    ("added", Deed::Changed),
    ("appended", Deed::Changed),
    ("deleted", Deed::Changed),
    ("removed", Deed::Changed),
    ("moved", Deed::Changed),
    ("renamed", Deed::Changed),
    ("copied", Deed::Changed),
    ("changed", Deed::Changed),
    ("updated", Deed::Changed),
    ("edited", Deed::Changed),
    ("replaced", Deed::Changed),
    ("fixed", Deed::Changed),
    ("corrected", Deed::Changed),
    ("cancelled", Deed::Changed),
    ("canceled", Deed::Changed),
    ("scheduled", Deed::Changed),
    ("booked", Deed::Changed),
    ("postponed", Deed::Changed),
    ("drafted", Deed::Changed),
    ("stopped", Deed::Governed),
    ("killed", Deed::Governed),
    ("restarted", Deed::Governed),
    ("installed", Deed::Governed),
    ("uninstalled", Deed::Governed),
    ("disabled", Deed::Governed),
];

/// Words that make a sentence something else than a claim.
const NO_CLAIM: [&str; 20] = [
    "not", "no", "never", "nothing", "none", "nobody", "without", "cannot", "can't", "could", "would", "should",
    "will", "if", "unless", "until", "when", "please", "yet", "whether",
];

/// The sentences among `told` that claim a deed which was not done. A question asks about deeds of others ("when was it
/// changed?"), so its answer claims only what it says of the assistant itself.
pub(crate) fn not_borne_out(told: &[String], done: Done, is_question: bool) -> Vec<String> {
    let is_done = |deed| match deed {
        Deed::Sent => done.sent,
        Deed::Changed => done.changed,
        Deed::Governed => done.governed,
    };
    let claims = told.iter().flat_map(|text| sentences(text)).filter(|sentence| !sentence.ends_with('?'));
    let is_false = |sentence: &&str| claim(sentence, is_question).is_some_and(|deed| !is_done(deed));
    claims.filter(is_false).map(str::to_owned).collect()
}

/// The sentences of a text. A point within a word, as in a file's name, ends none.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((place, letter)) = letters.next() {
        let is_last = letters.peek().is_none_or(|(_, next)| next.is_whitespace());
        if letter == '\n' || is_last && matches!(letter, '.' | '!' | '?' | ';') {
            let end = place + letter.len_utf8();
            found.push(text[start..end].trim());
            start = end;
        }
    }
    found.push(text[start..].trim());
    found
}

/// The deed that a sentence claims.
fn claim(sentence: &str, is_question: bool) -> Option<Deed> {
    let lower = sentence.to_lowercase();
    let words: Vec<&str> = lower
        .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .filter(|word| !word.is_empty())
        .collect();
    if words.iter().any(|word| NO_CLAIM.contains(word) || word.ends_with("n't")) {
        return None;
    }
    words.iter().enumerate().find_map(|(place, word)| {
        let (_, deed) = DEEDS.iter().find(|(deed, _)| deed == word)?;
        let before = words[..place].iter().rev().copied().find(|word| !is_adverb(word));
        let is_own = matches!(before, Some("i" | "i've" | "we" | "we've")) || has_done(&words[..place]);
        // "Changed files: 3" is a heading.
        let is_heading = before.is_none() && sentence.contains(':');
        let is_passive = before.is_none() && !is_heading || matches!(before, Some("was" | "were" | "been" | "got"));
        (is_own || is_passive && !is_question).then_some(*deed)
    })
}

/// "I have", "we have" before a word.
fn has_done(before: &[&str]) -> bool {
    let mut before = before.iter().rev().copied().filter(|word| !is_adverb(word));
    before.next() == Some("have") && matches!(before.next(), Some("i" | "we"))
}

fn is_adverb(word: &str) -> bool {
    word.ends_with("ly") || matches!(word, "now" | "just" | "already" | "also" | "all" | "both")
}

#[cfg(test)]
mod tests {
    use super::{Done, not_borne_out};

    const NOTHING: Done = Done { sent: false, changed: false, governed: false };

    fn marked(text: &str, done: Done, is_question: bool) -> Vec<String> {
        not_borne_out(&[text.to_owned()], done, is_question)
    }

    #[test]
    fn a_deed_that_was_not_done_is_marked() {
        for text in [
            "I sent the mail to Ada.",
            "I have already deleted the old files.",
            "The meeting was cancelled.",
            "Saved to Notes/a.md.",
            "Your mail has been successfully sent!",
            "We've stopped the service",
        ] {
            assert_eq!(marked(text, NOTHING, false), [text], "{text}");
        }
        assert_eq!(marked("All is well. The file was moved. Bye.", NOTHING, false), ["The file was moved."]);
    }

    #[test]
    fn what_was_done_may_be_said() {
        let changed = Done { changed: true, ..NOTHING };
        assert!(marked("I moved the file.", changed, false).is_empty());
        assert_eq!(
            marked("I moved the file and sent it.", changed, false).len(),
            0,
            "the first deed of a sentence counts"
        );
        assert_eq!(marked("I moved it. I sent it.", changed, false), ["I sent it."]);
        assert!(marked("The mail was sent.", Done { sent: true, ..NOTHING }, false).is_empty());
    }

    #[test]
    fn what_is_no_claim_is_left_alone() {
        for text in [
            "Nothing was changed.",
            "The mail was not sent.",
            "Shall the file be deleted?",
            "It will be sent when you approve it.",
            "3 unread mails, the first about a changed plan",
            "If it was moved, look in Archive.",
            "Changed files: 3",
            "The minutes are sent every Monday.",
        ] {
            assert!(marked(text, NOTHING, false).is_empty(), "{text}");
        }
        assert!(marked("The report was changed on Monday.", NOTHING, true).is_empty(), "that is what was asked");
        assert_eq!(marked("I changed the report.", NOTHING, true).len(), 1);
    }
}
