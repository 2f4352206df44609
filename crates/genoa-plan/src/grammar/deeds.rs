//! How much an intention asks for: a plan that has done it is over.
//!
//! A small model that has nothing left to do goes on all the same, with calls that nobody asked for. So the verbs of the
//! request are counted, generously, and a plan has no more acts than these. The words are English.

use super::english::{ACTING, bare, is_among, is_verb_of_doing, is_verb_of_telling};
use crate::time::number;

/// Verbs of requests that are served by looking, besides those of telling.
const SEEKING: &str =
    "calculate check compare compute display find get give look read report search see summarise summarize";

/// Verbs of doing that are not those with which requests begin as a rule.
const DOING: &str = "clean correct drop exchange go insert lower paste raise strike swap throw turn";

/// Verbs that ask for as many acts as it takes.
const TIDYING: &str = "arrange clean group order organise organize sort tidy";
/// How many acts those count for.
const TIDYING_ACTS: usize = 3;

/// Words after which a verb is one of the request. After others it is a noun, or somebody else's act.
const LEADING_IN: &str = "again also and but finally first just kindly lastly me next now or please then to you";

/// Verbs with which people ask for a new folder.
const MAKING: &str = "add build create make open set start";

/// Words that ask for something each.
const QUESTIONING: &str = "how what when where which who whom whose why";

/// How much a request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deeds {
    /// Verbs that ask for an act.
    pub(super) acts: usize,
    /// Verbs that ask for an answer.
    pub(super) answers: usize,
    /// Words that begin a question.
    pub(super) questions: usize,
    /// Whether something shall be made, so that an empty folder may be what is asked for.
    pub(super) makes: bool,
    /// Whether somebody shall be told or sent something.
    pub(super) sends: bool,
}

impl Deeds {
    /// Counts them in an intention. More than there are is harmless; one too few ends a plan too early.
    pub(super) fn asked_in(intention: &str) -> Self {
        let mut deeds = Self::default();
        for Placed { word, before, after, leads } in placed_words(intention) {
            let verb = word.to_lowercase();
            let is_yes_or_no = before.is_empty() && is_among("are did do does has have is was were", &verb);
            deeds.questions += usize::from(is_yes_or_no || is_among(QUESTIONING, &verb));
            deeds.makes |= leads && is_among(MAKING, &verb);
            let is_somebody = after.starts_with(char::is_uppercase) && !is_name_of_file(after);
            deeds.sends |= leads && is_somebody && is_among("email inform mail send tell", &verb);
            if leads && (is_verb_of_telling(&verb) || is_among(SEEKING, &verb)) {
                deeds.answers += 1;
            } else if leads && (is_verb_of_doing(&verb) || is_among(DOING, &verb)) {
                deeds.acts += if is_among(TIDYING, &verb) { TIDYING_ACTS } else { 1 };
            } else if before == "and" && deeds.acts > 0 {
                // One verb for two things.
                deeds.acts += 1;
            }
        }
        deeds
    }
}

/// A word of a text, and where it stands.
struct Placed<'a> {
    word: &'a str,
    /// The word before it in its clause; nothing at the beginning of one.
    before: &'a str,
    /// The word after it, in its clause or another.
    after: &'a str,
    /// Whether it stands where the verb of a request does.
    leads: bool,
}

fn placed_words(text: &str) -> Vec<Placed<'_>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut placed = Vec::with_capacity(words.len());
    let mut before = "";
    for (place, word) in words.iter().enumerate() {
        // What is asked of a file may follow its name: "In a.rs replace …".
        let leads = before.is_empty() || is_among(LEADING_IN, &before.to_lowercase()) || is_name_of_file(before);
        let after = words.get(place + 1).map_or("", |next| bare(next));
        placed.push(Placed { word: bare(word), before, after, leads });
        let ends_clause = word.ends_with(['.', ',', ';', ':', '!', '?']) && !is_name_of_file(word);
        before = match () {
            () if is_name_of_file(word) => word,
            () if ends_clause => "",
            () => bare(word),
        };
    }
    placed
}

/// The sentences of a text that ask for something, as one text, and the others: what led to it. Where none does by its
/// form, all do.
#[must_use]
pub fn request_and_background(text: &str) -> (String, String) {
    let sentences = sentences(text);
    let (requests, background): (Vec<&str>, Vec<&str>) = sentences.into_iter().partition(|sentence| asks(sentence));
    if requests.is_empty() {
        return (text.to_owned(), String::new());
    }
    (requests.join(" "), background.join(" "))
}

/// Whether a verb of doing begins a sentence, or a clause of one, that is no question.
pub(super) fn begins_with_a_deed(text: &str) -> bool {
    let is_deed = |placed: &Placed<'_>| {
        let begins = placed.before.is_empty()
            || is_among("please then now and so not otherwise else", &placed.before.to_lowercase());
        let verb = placed.word.to_lowercase();
        begins && (is_among(ACTING, &verb) || is_among(DOING, &verb))
    };
    let told = sentences(text).into_iter().filter(|sentence| !sentence.ends_with('?'));
    told.flat_map(placed_words).any(|placed| is_deed(&placed))
}

/// Whether a sentence asks for something: it is a question, or a verb of requests leads it, or it tells a wish.
fn asks(sentence: &str) -> bool {
    let is_verb = |verb: &str| {
        is_verb_of_telling(verb) || is_verb_of_doing(verb) || is_among(SEEKING, verb) || is_among(DOING, verb)
    };
    let lower = sentence.to_lowercase();
    let wishes = WISHES.split('|').any(|wish| lower.contains(wish));
    lower.ends_with('?')
        || wishes
        || placed_words(sentence).iter().any(|placed| placed.leads && is_verb(&placed.word.to_lowercase()))
}

/// What people say instead of a verb of asking.
const WISHES: &str = "i need |i want |i would like |i'd like |we need |should |must ";

pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let mut start = 0;
    for (place, _) in text.match_indices(['.', '!', '?']) {
        let end = place + 1;
        if text[end..].starts_with(char::is_whitespace) {
            sentences.push(text[start..end].trim());
            start = end;
        }
    }
    sentences.push(text[start..].trim());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Verbs of what no program of this machine does for the person: it takes hands, a voice or money, or the right to
/// change the system itself.
const OUT_OF_REACH: &str = "buy deploy dial install pay phone publish purchase reboot ring telephone uninstall upload";
/// Words after which a verb is the request's own, besides the beginning of a clause.
const BEFORE_VERBS: &str = "just kindly now please then you";
/// What stands before goods that one orders, besides a number.
const COUNTED: &str = "a an another me more new some us";
/// Whom one calls, other than by a name.
const CALLED: &str = "dad her him me mom mum my them";

/// The folder of the system itself in which a request changes something.
fn place_of_the_system(intention: &str) -> Option<String> {
    let path = |word: &str| {
        let path = word.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '/');
        let root = path.strip_prefix('/').and_then(|rest| rest.split('/').next())?;
        is_among(SYSTEM_FOLDERS, root).then(|| path.to_owned())
    };
    let request = request_and_background(intention).0;
    let changes = placed_words(&request).iter().any(|placed| {
        placed.leads
            && is_among(
                "change clean clear delete edit empty erase move overwrite remove rename wipe",
                &placed.word.to_lowercase(),
            )
    });
    intention.split_whitespace().find_map(path).filter(|_| changes)
}

/// Folders at the root of a machine that are no person's.
const SYSTEM_FOLDERS: &str = "bin boot dev etc lib lib64 opt proc root run sbin srv sys usr var";

/// Places of the network where one is seen by others.
const SERVICES: &str = "discord facebook instagram linkedin mastodon pinterest reddit slack snapchat telegram tiktok twitter whatsapp youtube";

/// What shall be put where others see it, by a service that no program here speaks to.
fn service(intention: &str) -> Option<String> {
    let request = request_and_background(intention).0;
    let begun = sentences(&request).into_iter().filter_map(|sentence| sentence.split(": ").next());
    let words: Vec<Placed<'_>> = begun.flat_map(placed_words).collect();
    asked_of(&words, "message post publish put send share tweet upload write", |placed| {
        let on = is_among("on to via our my over in the", &placed.before.to_lowercase());
        on && is_among(SERVICES, &placed.word.to_lowercase())
    })
}

/// The first word that `is_object`, in lower case, where one of these verbs leads a request.
fn asked_of(words: &[Placed<'_>], verbs: &str, is_object: impl Fn(&Placed<'_>) -> bool) -> Option<String> {
    let is_asked = words.iter().any(|placed| placed.leads && is_among(verbs, &placed.word.to_lowercase()));
    let object = words.iter().find(|placed| is_object(placed)).filter(|_| is_asked)?;
    Some(object.word.to_lowercase())
}

/// Sound and moving pictures, which no tool here opens.
const RECORDINGS: &str = "audio clip film mkv mov mp3 mp4 recording song video voice wav webm";

/// A change of what a recording holds.
fn change_of_a_recording(intention: &str) -> Option<String> {
    let request = request_and_background(intention).0;
    asked_of(&placed_words(&request), "compress convert cut shorten subtitle transcribe trim", |placed| {
        let word = placed.word.to_lowercase();
        let ending = word.rsplit_once('.').map_or(word.as_str(), |(_, ending)| ending);
        is_among(RECORDINGS, ending.strip_suffix('s').unwrap_or(ending))
    })
}

/// The verbs of a request for something out of reach, in lower case, or the place that is.
pub(super) fn out_of_reach(intention: &str) -> Vec<String> {
    let is_one = |placed: &&Placed<'_>| {
        let verb = placed.word.to_lowercase();
        let is_person = is_among(CALLED, &placed.after.to_lowercase())
            || (placed.after.starts_with(char::is_uppercase) && !is_name_of_file(placed.after));
        let names_a_number = is_among("number numbers call calls bill", &placed.after.to_lowercase());
        let leads = placed.before.is_empty() || is_among(BEFORE_VERBS, &placed.before.to_lowercase());
        // Files are put in order; goods are ordered.
        let is_goods = is_among(COUNTED, &placed.after.to_lowercase()) || number(placed.after).is_some();
        let is_verb = (is_among(OUT_OF_REACH, &verb) && !names_a_number)
            || (verb == "call" && is_person)
            || (verb == "order" && is_goods);
        leads && is_verb
    };
    if let Some(place) =
        place_of_the_system(intention).or_else(|| service(intention)).or_else(|| change_of_a_recording(intention))
    {
        return vec![place];
    }
    // What follows a colon is the content of a note or a mail.
    let begun = sentences(intention).into_iter().filter_map(|sentence| sentence.split(": ").next());
    begun.flat_map(placed_words).filter(|placed| is_one(&placed)).map(|placed| placed.word.to_lowercase()).collect()
}

/// Whether a word holds marks as file names, paths and quotations do, within it or around it.
fn is_name_of_file(word: &str) -> bool {
    let inner = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    inner.contains(['.', '/', '`', '"', '“', '”'])
}

/// Whether a text speaks of a thing by this name, in the singular or plural: what follows is no other noun ("a brief
/// summary" speaks of no brief).
pub(super) fn speaks_of(text: &str, name: &str) -> bool {
    let noun = name.strip_suffix('s').unwrap_or(name);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().enumerate().any(|(place, word)| {
        let plain = bare(word);
        let is_noun = plain == noun || plain.strip_suffix('s') == Some(noun);
        let ends = !word.ends_with(char::is_alphanumeric);
        is_noun && (ends || words.get(place + 1).is_none_or(|next| is_among(AFTER_NOUNS, bare(next))))
    })
}

/// Words that stand after a noun.
const AFTER_NOUNS: &str = "about and as at by called for from in into named of on out that to which with";

#[cfg(test)]
mod tests {
    use super::{Deeds, out_of_reach, request_and_background, speaks_of};

    #[test]
    fn verbs_of_a_request_are_counted() {
        let counted = |text: &str| {
            let Deeds { acts, answers, .. } = Deeds::asked_in(text);
            (acts, answers)
        };
        assert_eq!(counted("Move both letters to Archive"), (1, 0));
        assert_eq!(counted("Draft an answer to Chen's mail about the night shift"), (1, 0));
        assert_eq!(counted("Move a.md to A and b.md to B"), (2, 0));
        assert_eq!(counted("Please sort my downloads"), (3, 0));
        assert_eq!(counted("`x` becomes `y`; check it afterwards"), (0, 1));
        assert_eq!(counted("There's a typo in a.rs: it says x where it should say y. Please fix it."), (1, 0));
        assert_eq!(counted("In a.rs replace `a` with `b`, then compile again and tell me what is left"), (2, 1));
        assert_eq!(counted("Find what belongs to the draft and make the slides"), (1, 1));
        assert_eq!(counted("Which of my contacts live in Oslo?"), (0, 0));
    }

    #[test]
    fn a_request_is_told_from_what_led_to_it() {
        let request = |text: &str| request_and_background(text).0;
        assert_eq!(request("I am ill. Move the call to Friday, please."), "Move the call to Friday, please.");
        assert_eq!(request("It is slow today. Why? Show me the load."), "Why? Show me the load.");
        assert_eq!(request("The old one is 3.5 m. It is gone."), "The old one is 3.5 m. It is gone.");
        assert_eq!(request_and_background("My back hurts. I need a chart.").1, "My back hurts.");
    }

    #[test]
    fn what_takes_hands_a_voice_or_money_is_out_of_reach() {
        for text in [
            "Ring Ola and ask him",
            "Please install GIMP",
            "I am late. Call Ola",
            "Empty /var/log",
            "Order two pizzas",
            "Post the picture on our Instagram, please",
            "Convert a.mov to an mp4",
            "Please cut the video to one minute",
        ] {
            assert!(!out_of_reach(text).is_empty(), "{text}");
        }
        for text in [
            "Show the phone number of Ola",
            "Call the file a.md",
            "Phone numbers of my team, please",
            "Remind me to pay Bo",
            "What is in /etc/hosts?",
            "Note: buy milk",
            "Order the files by date",
            "Find the Instagram pictures",
            "Convert a.docx to a PDF",
            "Move the video to Films",
        ] {
            assert!(out_of_reach(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_product_is_named_by_its_noun() {
        for text in ["make the slides", "make slides about the move", "a chart, please", "write a brief for the board"]
        {
            assert!(["slides", "chart", "brief"].iter().any(|name| speaks_of(text, name)), "{text}");
        }
        assert!(!speaks_of("write a brief summary", "brief") && !speaks_of("move the slide deck", "slides"));
    }
}
