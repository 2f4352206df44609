//! The bytes of tokens become text: whole characters only, and never a part of a stop text.

/// The text of one call, as it grows.
#[derive(Debug, Default)]
pub(crate) struct TextStream {
    bytes: Vec<u8>,
    stops: Vec<Vec<u8>>,
    shown: usize,
    stopped: bool,
}

impl TextStream {
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).map(|stop| stop.as_bytes().to_vec()).collect();
        Self { stops, ..Self::default() }
    }

    /// Takes the bytes of a token; says whether a stop text is complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        if self.stopped {
            return true;
        }
        let old = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let longest = self.stops.iter().map(Vec::len).max().unwrap_or(0);
        let from = old.saturating_sub(longest).max(self.shown.min(old));
        let found = self.stops.iter().filter_map(|stop| find(&self.bytes[from..], stop)).min();
        if let Some(place) = found {
            self.bytes.truncate(from + place);
            self.stopped = true;
        }
        self.stopped
    }

    /// What can be shown now and was not shown before.
    pub(crate) fn news(&mut self) -> String {
        let end = if self.stopped { self.bytes.len() } else { self.bytes.len() - self.held() };
        let fresh = &self.bytes[self.shown.min(end)..end];
        let whole = if self.stopped { fresh.len() } else { fresh.len() - cut_character(fresh) };
        let text = String::from_utf8_lossy(&fresh[..whole]).into_owned();
        self.shown += whole;
        text
    }

    /// How many bytes there are, those that are held back included.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// How many bytes were shown.
    pub(crate) fn shown(&self) -> usize {
        self.shown
    }

    /// Nothing more comes: what was held back can be shown.
    pub(crate) fn end(&mut self) {
        self.stopped = true;
    }

    /// All of it. Bytes that are no text become replacement characters.
    pub(crate) fn into_text(self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// How many bytes at the end could be the beginning of a stop text.
    fn held(&self) -> usize {
        let held = |stop: &Vec<u8>| {
            let most = (stop.len() - 1).min(self.bytes.len());
            (1..=most).rev().find(|count| self.bytes.ends_with(&stop[..*count])).unwrap_or(0)
        };
        self.stops.iter().map(held).max().unwrap_or(0)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// How many bytes at the end are the beginning of a character.
fn cut_character(bytes: &[u8]) -> usize {
    match bytes.utf8_chunks().last() {
        Some(last)
            if !last.invalid().is_empty()
                && std::str::from_utf8(last.invalid()).is_err_and(|error| error.error_len().is_none()) =>
        {
            last.invalid().len()
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TextStream;

    fn stream(pieces: &[&[u8]], stops: &[&str]) -> (Vec<String>, bool, String) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut text = TextStream::new(&stops);
        let mut news = Vec::new();
        let mut stopped = false;
        for piece in pieces {
            stopped = text.push(piece);
            news.push(text.news());
            if stopped {
                break;
            }
        }
        (news, stopped, text.into_text())
    }

    #[test]
    fn a_character_in_two_tokens_is_shown_once_it_is_whole() {
        let (news, _, text) = stream(&[b"a\xf0\x9f", b"\x98\x80", b"b"], &[]);
        assert_eq!(news, ["a", "\u{1f600}", "b"]);
        assert_eq!(text, "a\u{1f600}b");
    }

    #[test]
    fn a_stop_text_is_never_shown_in_part() {
        let (news, stopped, text) = stream(&[b"one EN", b"D two"], &["END"]);
        assert_eq!((news, stopped, text.as_str()), (vec!["one ".to_owned(), String::new()], true, "one "));
        let (news, stopped, _) = stream(&[b"one EN", b"Dive"], &["ENDE"]);
        assert_eq!((news, stopped), (vec!["one ".to_owned(), "ENDive".to_owned()], false));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let (_, _, text) = stream(&[b"a\xff", b"b\xc3"], &[]);
        assert_eq!(text, "a\u{fffd}b\u{fffd}");
    }

    proptest! {
        #[test]
        fn news_add_up_to_the_text(whole in "[ab\u{e9}\u{1f600}]{0,24}", cuts in prop::collection::vec(1..5usize, 1..24), stop in "[ab]{1,3}") {
            let mut text = TextStream::new(std::slice::from_ref(&stop));
            let (mut seen, mut rest) = (String::new(), whole.as_bytes());
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                rest = after;
                let stopped = text.push(piece);
                seen.push_str(&text.news());
                if stopped { break; }
            }
            let expected = whole.split(stop.as_str()).next().unwrap_or_default();
            let end = text.into_text();
            prop_assert_eq!(&end, expected);
            prop_assert!(end.starts_with(&seen) && end.len() < seen.len() + stop.len());
        }
    }
}
