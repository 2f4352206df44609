//! Proposals: what a text of somebody else's asks for. Nothing of it is done unless the person makes it their own intention.
//!
//! The model only points at places of the text. What is proposed are the text's own words, and what the person adopts is
//! exactly what they were shown.

use std::collections::BTreeMap;

use genoa_abi::limits::{PROPOSAL_CHARS, PROPOSAL_WAIT_MS, PROPOSALS, RECORD_PROPOSALS};
use genoa_abi::session::{Proposal, Provenance};
use genoa_abi::syscall::{Caller, Reply};
use genoa_abi::{Datum, ErrorCode, Failure, Labels, ProposalId, SessionId, Source, Value};
use serde_json::Value as Json;

use crate::agents::Driver;
use crate::letters;
use crate::turn::{Origin, Response, Turn, only_a_person};

impl Turn<'_> {
    /// The person makes what a text asks for their own intention.
    pub(crate) fn adopt(&mut self, caller: Caller, id: ProposalId, text: &str) -> Result<Response, Failure> {
        let Caller::Person(session) = caller else { return Err(only_a_person("adopt what a text asks for")) };
        let proposal = self.proposal(id)?;
        if proposal.text != text {
            return Err(Failure::new(ErrorCode::Conflict, format!("{id} asks for something else"))
                .because("the words that were repeated are not its words")
                .try_next("Look at it once more: `genoa status` shows it"));
        }
        if proposal.workspace != self.session(session)?.workspace {
            let place = letters::spelled(&proposal.workspace);
            return Err(Failure::new(ErrorCode::Conflict, format!("{id} was read in another folder"))
                .because(format!("it belongs to {place}"))
                .try_next("Adopt it there (`--workspace`)"));
        }
        let (intention, agent) = self.take_up(session, text.to_owned(), None, Driver::Process)?;
        self.kernel.proposals.remove(&id);
        Ok(Response::Now(Reply::Intention { intention, agent }))
    }

    /// Puts what texts ask for before the person: a list of texts, each with its labels.
    pub(crate) fn propose(&mut self, session: SessionId, origin: Origin, requests: &Value) {
        let Datum::List(requests) = &requests.datum else { return };
        let Ok(workspace) = self.session(session).map(|session| session.workspace.clone()) else { return };
        let expires = self.now.plus_ms(PROPOSAL_WAIT_MS);
        for request in requests {
            let Datum::Text(text) = &request.datum else { continue };
            let labels = &request.labels;
            let (text, provenance) = (with_speaker(text, labels), Provenance::of(labels));
            // The same words of the same texts are one proposal, however often they are read.
            let is_known = |known: &&Proposal| {
                known.workspace == workspace && known.text == text && known.provenance == provenance
            };
            let known = self.kernel.proposals.values().find(is_known).map(|known| known.id);
            let id = known.unwrap_or_else(|| self.kernel.counters.proposal());
            let proposal = Proposal { id, workspace: workspace.clone(), text, provenance, expires };
            self.kernel.proposals.insert(id, proposal);
            self.note_deed(origin, id, |deeds| &mut deeds.proposed);
        }
        while self.kernel.proposals.len() > PROPOSALS {
            self.kernel.proposals.pop_first();
        }
    }

    /// Those of `ids` that still wait.
    pub(crate) fn proposals(&self, ids: &[ProposalId]) -> Vec<Proposal> {
        ids.iter().filter_map(|id| self.proposal(*id).ok()).cloned().collect()
    }

    pub(crate) fn forget_old_proposals(&mut self) {
        let now = self.now;
        self.kernel.proposals.retain(|_, proposal| proposal.expires > now);
    }

    fn proposal(&self, id: ProposalId) -> Result<&Proposal, Failure> {
        let known = self.kernel.proposals.get(&id).filter(|proposal| proposal.expires > self.now);
        known.ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("nothing called {id} waits to be adopted"))
                .because("it was adopted, is too old, or never was")
                .try_next("`genoa status` lists what waits")
        })
    }
}

/// What the model found in `source`, in the source's own words, and how many of its finds are not there or hide characters.
pub(crate) fn requests_in(answer: &str, source: &str) -> (Vec<String>, usize) {
    // An answer that was cut off is no JSON; then nothing was found there.
    let found: BTreeMap<String, Json> = serde_json::from_str(answer).unwrap_or_default();
    let found = found.get(REQUESTS).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let (mut requests, mut left_out): (Vec<String>, usize) = (Vec::new(), 0);
    for text in found.filter(|text| !text.trim().is_empty()).take(RECORD_PROPOSALS) {
        match place_of(text, source).filter(|place| is_plain(place)) {
            Some(place) if requests.contains(&place) => {}
            Some(place) => requests.push(place),
            None => left_out += 1,
        }
    }
    (requests, left_out)
}

/// The field of the model's answer.
pub(crate) const REQUESTS: &str = "requests";

/// Where the words of `text` stand in `source`, one after the other: the source's own letters, on one line.
fn place_of(text: &str, source: &str) -> Option<String> {
    let (wanted, there) = (words(text), words(source));
    if wanted.is_empty() || wanted.len() > there.len() {
        return None;
    }
    let same = |(a, b): (&Word, &Word)| a.text == b.text;
    let begin = (0..=there.len() - wanted.len()).find(|begin| there[*begin..].iter().zip(&wanted).all(same))?;
    let (first, last) = (there.get(begin)?, there.get(begin + wanted.len() - 1)?);
    let rest = &source[last.end..];
    let closing = rest.find(|letter: char| !matches!(letter, '.' | '!' | '?' | '"' | '\'' | ')' | '”' | '»'));
    let place = &source[first.begin..last.end + closing.unwrap_or(rest.len())];
    let line = place.split_whitespace().collect::<Vec<_>>().join(" ");
    (line.chars().count() <= PROPOSAL_CHARS).then_some(line)
}

/// A text without characters that nobody sees: what is adopted must be what is read.
fn is_plain(text: &str) -> bool {
    letters::spelled(text) == text
}

struct Word {
    begin: usize,
    end: usize,
    text: String,
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut begin = None;
    let ends = text.char_indices().chain([(text.len(), ' ')]);
    for (place, letter) in ends {
        match (begin, letter.is_alphanumeric()) {
            (None, true) => begin = Some(place),
            (Some(from), false) => {
                words.push(Word { begin: from, end: place, text: text[from..place].to_lowercase() });
                begin = None;
            }
            _ => {}
        }
    }
    words
}

/// Words for whoever speaks: in somebody else's text they do not mean the person.
const SPEAKER: [&str; 8] = ["i", "me", "my", "mine", "us", "we", "our", "myself"];

/// The text with who its "me" is, where the text has one and a single sender wrote it.
fn with_speaker(text: &str, labels: &Labels) -> String {
    let mut senders = labels.sources().filter_map(|source| match source {
        Source::Sender(address) => Some(address),
        _ => None,
    });
    match (senders.next(), senders.next()) {
        (Some(sender), None) if words(text).iter().any(|word| SPEAKER.contains(&word.text.as_str())) => {
            format!("{text} (written by {})", letters::spelled(sender))
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::{Labels, Source};
    use proptest::prelude::*;
    use serde_json::json;

    use super::{place_of, requests_in, with_speaker, words};

    #[test]
    fn what_is_proposed_stands_in_the_text() {
        let source = "Hello,\nplease send the  Minutes\nto Boris (today)! It rains.\nPay\u{200b} Eve.";
        let answer = json!({ "requests": ["Please send the minutes to Boris (today)", "wire 1000 to Eve", "pay\u{200b} eve", "it rains", "It rains"] });
        let (found, left_out) = requests_in(&answer.to_string(), source);
        assert_eq!(found, ["please send the Minutes to Boris (today)!", "It rains."]);
        assert_eq!(left_out, 2, "one is not there, and one hides a character");
        assert_eq!(requests_in("{\"requests\": [\"it rai", source), (vec![], 0));
        assert_eq!(requests_in("[]", source), (vec![], 0));
    }

    #[test]
    fn the_speaker_is_named_where_there_is_one() {
        let from = |address: &str| Labels::from(Source::Sender(address.into()));
        let mia = from("mia@x.example");
        assert_eq!(with_speaker("Send me the slides.", &mia), "Send me the slides. (written by mia@x.example)");
        assert_eq!(with_speaker("Send the slides.", &mia), "Send the slides.");
        assert_eq!(with_speaker("Send me the slides.", &mia.union(&from("b@x.example"))), "Send me the slides.");
    }

    proptest! {
        #[test]
        fn nothing_is_proposed_that_the_text_does_not_say(source in "(a|b|é|[.! \\n]|\u{200b}|\\PC){0,40}", text in "(a|b|é|[.! ]|\\PC){0,8}") {
            if let Some(place) = place_of(&text, &source) {
                let bare = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                prop_assert!(bare(&source).contains(&place), "{place:?} is not in {source:?}");
                let same = |text: &str| words(text).into_iter().map(|word| word.text).collect::<Vec<_>>();
                prop_assert_eq!(same(&place), same(&text));
            }
        }
    }
}
