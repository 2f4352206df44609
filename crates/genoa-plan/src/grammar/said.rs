//! What the person said: the words that an intention gives a planner to work with.
//!
//! Small models fill every slot they are offered: a day that nobody named, a person out of an example, a deletion to
//! round things off. So times, people, and tools that must be asked for come from the intention's own words, or cannot
//! be written at all. The words are English.

use std::collections::BTreeSet;

use genoa_abi::schema::{Catalog, EffectClass, ToolSchema};

use super::clocks::clocks_in;
use super::deeds::{Deeds, out_of_reach, request_and_background, sentences, speaks_of};
use crate::time::{is_calendar_word, number, spelled_month, spelled_weekday, unit_word};

/// Names that may be written for one person argument.
const NAMES: usize = 40;
/// File names in folders that may be written for one path.
const PATHS: usize = 40;
/// An intention with more different words than this, and a name or path among them, says enough to begin with.
const ENOUGH_WORDS: usize = 12;
/// Commands that may be written for one intention, and words of one.
const COMMANDS: usize = 80;
/// Words that a topic may be made of.
const TOPIC_WORDS: usize = 200;
/// Words of one command.
const COMMAND_WORDS: usize = 24;
/// Words of one name.
const NAME_WORDS: usize = 4;

/// What an intention says, as far as it bounds a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The whole text as it was said.
    original: String,
    /// The whole text in lower case; nothing where there is no intention to hold the plan to.
    text: Option<String>,
    words: BTreeSet<String>,
    /// Words that are only said to be left undone: "don't send it".
    undone: BTreeSet<String>,
    names: Vec<String>,
    paths: Vec<String>,
    folders: Vec<String>,
    /// Files that shall be made, or may be: what stands after "as", and after "to" or "into".
    products: Vec<String>,
    /// The paths without those of what shall be made: "save it as a.md".
    existing: Vec<String>,
    commands: Vec<String>,
    is_question: bool,
    deeds: Deeds,
    /// Verbs of what no tool may do.
    pub(super) out_of_reach: Vec<String>,
}

impl Said {
    /// Reads an intention. An empty one bounds nothing: the plan is for no intention in particular.
    #[must_use]
    pub fn in_intention(intention: &str) -> Self {
        if intention.trim().is_empty() {
            return Self::default();
        }
        let (lower, paths, targets) = (intention.to_lowercase(), paths(intention), targets(intention));
        let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        Self {
            words: words.map(str::to_owned).collect(),
            undone: undone(&lower),
            names: names(intention),
            existing: paths
                .iter()
                .filter(|path| !targets.iter().any(|target| is_within(target, path)))
                .cloned()
                .collect(),
            folders: paths.iter().filter(|path| !is_file_name(path) && !targets.contains(path)).cloned().collect(),
            products: products(intention, &targets),
            paths,
            commands: commands(intention),
            is_question: is_question(&request_and_background(&lower).0),
            deeds: Deeds::asked_in(intention),
            out_of_reach: out_of_reach(intention),
            text: Some(lower),
            original: intention.to_owned(),
        }
    }

    /// Whether the person's words leave room for a tool: those that must be asked for were, and a question changes no
    /// files. (What runs programs, such as a compiler, also serves to answer.)
    pub(crate) fn asks_for(&self, tool: &ToolSchema) -> bool {
        let Some(text) = &self.text else { return true };
        if self.is_question && tool.effect == EffectClass::Change && !tool.needs.programs {
            return false;
        }
        let is_said = |wanted: &String| {
            if wanted.contains([' ', '-']) {
                return text.contains(wanted.as_str());
            }
            self.words.difference(&self.undone).any(|word| word.starts_with(wanted.as_str()))
        };
        let is_ruled_out = tool.ruled_out_by.iter().any(|words| text.contains(words.as_str()));
        !is_ruled_out && (tool.asked_by.is_empty() || tool.asked_by.iter().any(is_said))
    }

    /// Whether the text speaks of a thing by this name.
    pub(super) fn names_product(&self, name: &str) -> bool {
        self.text.as_ref().is_some_and(|text| speaks_of(text, name))
    }

    /// What is asked to be done; nothing where there is no intention to count it in.
    pub(super) fn deeds(&self) -> Option<Deeds> {
        self.text.as_ref().map(|_| self.deeds)
    }

    /// Whether something is asked, rather than asked for.
    #[must_use]
    pub fn is_question(&self) -> bool {
        self.is_question
    }

    /// The names that may stand for a person; nothing where any text may.
    pub(super) fn names(&self) -> Option<&[String]> {
        self.text.as_ref().map(|_| self.names.as_slice())
    }

    /// Whether a time that something shall happen at may be that of something found: the person speaks of one.
    pub(super) fn takes_times_over(&self) -> bool {
        let is_said = |word: &str| self.words.contains(word);
        self.text.is_none() || ["same", "time", "when", "after", "before", "during"].into_iter().any(is_said)
    }

    /// Whether something shall be done, and nothing tells to what: only a question can follow.
    pub(super) fn names_nothing(&self) -> bool {
        let acts = self.words.iter().any(|word| is_among(ACTING, word));
        let is_telling = |word: &&String| {
            let singular = word.strip_suffix('s').unwrap_or(word);
            ![COMMON, ACTING, GENERIC].iter().any(|list| is_among(list, word) || is_among(list, singular))
        };
        acts && self.paths.is_empty() && !self.is_question && self.words.iter().find(is_telling).is_none()
    }

    /// Whether something shall be done that these tools cannot do: nothing is to be looked up, and none of what acts is
    /// asked for. Only a refusal or a question can follow.
    pub(super) fn is_beyond(&self, catalog: &Catalog) -> bool {
        let names_a_page = self.text.as_ref().is_some_and(|text| text.contains("://"));
        let looks = names_a_page || self.words.iter().any(|word| is_among(LOOKING, word));
        let acts = |tool: &ToolSchema| tool.effect != EffectClass::Observe || !tool.asked_by.is_empty();
        let can_act = |tool: &ToolSchema| acts(tool) && self.asks_for(tool);
        let is_request = self.text.is_some() && !self.is_question && !looks;
        is_request && !catalog.tools.values().any(can_act)
    }

    /// Whether the request speaks of material of somebody's that is there: "my offer to them", "Fatima's points".
    pub(super) fn has_material(&self) -> bool {
        self.text.as_deref().is_some_and(speaks_of_material)
    }

    /// Whether the request begins with the program that shall be run: "Run scripts/a.sh and tell me …".
    pub(super) fn begins_with_a_program(&self) -> bool {
        let sentences = self.text.as_deref().map(sentences).unwrap_or_default();
        sentences.first().is_some_and(|first| {
            let mut words = first.split_whitespace().skip_while(|word| is_among("please could can you", bare(word)));
            let is_run = words.next().is_some_and(|verb| is_among("run execute start", bare(verb)));
            is_run
                && words.next().is_some_and(|what| what.contains(['/', '`', '"', '“']) || is_file_name(path_word(what)))
        })
    }

    /// Whether there is reason to ask back: little was said, or nothing that could be looked for.
    pub(super) fn leaves_questions(&self) -> bool {
        let says_something = !self.paths.is_empty();
        self.text.is_none() || !says_something || self.words.len() <= ENOUGH_WORDS
    }

    /// The paths that may stand for something that is there; nothing where any may.
    pub(super) fn paths(&self) -> Option<&[String]> {
        self.text.as_ref().map(|_| self.existing.as_slice())
    }

    /// A statement in which every file stands with the folder that the person named for it.
    #[must_use]
    pub fn with_folders(&self, statement: &str) -> String {
        let named = self.paths.iter().filter(|path| is_file_name(path) && path.contains('/'));
        let said: Vec<(&str, &String)> = named
            .filter_map(|path| Some((path.rsplit('/').next()?, path)))
            .filter(|(_, path)| self.says(path))
            .collect();
        let only = |name: &str| said.iter().filter(|(known, _)| *known == name).count() == 1;
        let whole =
            |text: String, (name, path): &(&str, &String)| text.replace(&format!("\"{name}\""), &format!("\"{path}\""));
        said.iter().filter(|(name, _)| only(name)).fold(statement.to_owned(), whole)
    }

    /// Whether the text holds this, in any case.
    fn says(&self, words: &str) -> bool {
        self.text.as_ref().is_some_and(|text| text.contains(&words.to_lowercase()))
    }

    /// Those of the paths that may be folders.
    pub(super) fn folders(&self) -> Option<&[String]> {
        self.text.as_ref().map(|_| self.folders.as_slice())
    }

    /// The words that a search may be about, as they were said, in lower case, and in the singular.
    pub(super) fn topic_words(&self) -> Option<Vec<String>> {
        let text = self.text.as_ref()?;
        let mut words = Vec::new();
        for whole in self.original.split_whitespace().chain(text.split_whitespace()) {
            let joined = bare(whole).replace('-', "");
            let owner = whole.trim_end_matches([',', '.', ';', ':', '!', '?']);
            let forms = [bare(whole), path_word(whole), owner, joined.as_str()];
            for word in forms.into_iter().chain(bare(whole).split(['-', '/', '’', '\''])) {
                let can_be_written = word.chars().all(|letter| letter.is_alphanumeric() || "-_.@&+'".contains(letter));
                if !word.is_empty() && can_be_written {
                    let escaped = escape(word);
                    let singular = escaped.strip_suffix('s').filter(|stem| stem.len() > 2).map(str::to_owned);
                    [Some(escaped.clone()), singular].into_iter().flatten().for_each(|form| add(&mut words, &form));
                }
            }
        }
        words.truncate(TOPIC_WORDS);
        Some(words)
    }

    /// What may name a project: the folders that were said, and every word that is not among the commonest.
    pub(super) fn projects(&self) -> Option<Vec<String>> {
        let text = self.text.as_ref()?;
        let words = text.split_whitespace().map(path_word).filter(|word| {
            let is_common = [LOOKING, GENERIC].iter().any(|list| is_among(list, word));
            is_name(word)
                && !is_common
                && word.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
        });
        let mut projects = self.folders.clone();
        words.take(NAMES).for_each(|word| add(&mut projects, word));
        Some(projects)
    }

    /// The commands that may be run: what stands in quotes, and what follows a word that asks for one, to any length.
    /// Nothing where any may.
    pub(super) fn commands(&self) -> Option<&[String]> {
        self.text.as_ref().map(|_| self.commands.as_slice())
    }

    /// The files that the person named for what shall be made, as far as they end in one of `endings`.
    pub(super) fn products(&self, endings: &[String]) -> Vec<&String> {
        let fits = |path: &&String| {
            let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
            ending.is_some_and(|ending| endings.contains(&ending))
        };
        self.products.iter().filter(fits).collect()
    }

    /// Whether a file is named.
    pub(super) fn names_a_file(&self) -> bool {
        self.paths.iter().any(|path| is_file_name(path))
    }

    /// Whether a plan does not mention a file that the person named: then it cannot be over.
    #[must_use]
    pub fn misses_a_file(&self, plan: &str) -> bool {
        let plan = plan.to_lowercase();
        let names = self.paths.iter().filter(|path| is_file_name(path)).filter_map(|path| path.rsplit('/').next());
        names.map(str::to_lowercase).any(|name| !plan.contains(&name))
    }

    /// The words of time that the intention holds; nothing where any may be used.
    pub(super) fn time_words(&self) -> Option<TimeWords> {
        let text = self.text.as_ref()?;
        let has = |word: &str| self.words.contains(word);
        let said = |words: &[&'static str]| words.iter().copied().filter(|word| has(word)).collect::<Vec<_>>();
        let mut days = said(&["today", "tomorrow", "yesterday"]);
        let mut parts = said(&["morning", "afternoon", "evening"]);
        if has("tonight") || has("night") {
            parts.push("evening");
            days.push("today");
        }
        let mut units: Vec<&str> = self.words.iter().filter_map(|word| unit_word(word)).collect();
        if ["recently", "lately", "recent"].into_iter().any(has) {
            units.extend(["week", "month"]);
        }
        units.extend(has("weekend").then_some("weekend"));
        Some(TimeWords {
            weekdays: weekdays(text),
            months: self
                .words
                .iter()
                .filter(|word| word.as_str() != "may" || text.contains(" may "))
                .filter_map(|word| spelled_month(word))
                .collect(),
            numbers: self.words.iter().filter_map(|word| said_number(word)).collect(),
            iso: text.split_whitespace().map(bare).filter(|word| is_iso_date(word)).map(str::to_owned).collect(),
            clocks: clocks_in(text),
            is_free: false,
            is_now: has("now"),
            days,
            parts,
            units,
        })
    }
}

/// Words of time, in the forms of the grammar. Empty lists: nothing of the kind was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct TimeWords {
    pub(super) days: Vec<&'static str>,
    pub(super) weekdays: Vec<&'static str>,
    pub(super) months: Vec<&'static str>,
    pub(super) parts: Vec<&'static str>,
    pub(super) units: Vec<&'static str>,
    pub(super) numbers: Vec<i32>,
    pub(super) iso: Vec<String>,
    /// Times of day, in minutes from midnight.
    pub(super) clocks: BTreeSet<i16>,
    /// Whether any number and any time of day may be written.
    pub(super) is_free: bool,
    pub(super) is_now: bool,
}

/// `3`, `3rd`, `three`.
fn said_number(word: &str) -> Option<i32> {
    let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let is_ordinal = ["st", "nd", "rd", "th", "am", "pm"].contains(&&word[digits.len()..]);
    match word {
        "couple" => return Some(2),
        "few" => return Some(3),
        _ => {}
    }
    if is_ordinal && !digits.is_empty() {
        return number(digits);
    }
    number(word).filter(|_| word != "a" && word != "an")
}

/// The weekdays of a lower-case text. One that stands beside its date ("Saturday 5 December") is told by that.
fn weekdays(text: &str) -> Vec<&'static str> {
    let words: Vec<&str> = text.split_whitespace().map(bare).filter(|word| *word != "the").collect();
    let is_date = |words: &[&str]| match words {
        [one, other, ..] => {
            (said_number(one).is_some() && spelled_month(other).is_some())
                || (spelled_month(one).is_some() && said_number(other).is_some())
        }
        _ => false,
    };
    let named = words.iter().enumerate().filter(|(place, _)| !is_date(&words[place + 1..]));
    let days: BTreeSet<&str> = named.filter_map(|(_, word)| spelled_weekday(word)).collect();
    days.into_iter().collect()
}

/// Words of a lower-case text that follow a negation, and stand nowhere else.
fn undone(text: &str) -> BTreeSet<String> {
    let (mut undone, mut done) = (BTreeSet::new(), BTreeSet::new());
    let mut reach = 0;
    for word in text.split_whitespace() {
        let plain = bare(word);
        let is_negation = is_among(NEGATIONS, plain) || plain.ends_with("n't") || plain.ends_with("n’t");
        let set = if reach > 0 { &mut undone } else { &mut done };
        set.insert(plain.to_owned());
        reach = match reach {
            _ if is_negation => NEGATED_WORDS,
            _ if word.ends_with(['.', ',', ';', ':', '!', '?']) => 0,
            reach => usize::saturating_sub(reach, 1),
        };
    }
    undone.difference(&done).cloned().collect()
}

/// What says that the next words shall not be done, besides "don't" and the like.
const NEGATIONS: &str = "not never without cannot dont";
/// How many words a negation is about.
const NEGATED_WORDS: usize = 2;

/// A word in a regular expression.
fn escape(word: &str) -> String {
    word.replace('.', "[.]").replace('+', "[+]")
}

fn is_iso_date(word: &str) -> bool {
    word.len() == 10
        && word.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// A word without punctuation around it and without a genitive.
pub(super) fn bare(word: &str) -> &str {
    let word = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    word.strip_suffix("'s").or(word.strip_suffix("’s")).unwrap_or(word)
}

/// Words that begin a question. Requests in the form of one ("could you …?") are none.
const ASKING: &str = "what which who whom whose when where why how is are was were am do does did has have had";
/// Words that may stand before those.
const LEADING: &str = "since until in on at for from to with under by of according and so but";

/// Requests to be told something, and what may stand before them.
const TELLING: &str = "show tell list name explain describe count say";
const CONDITION: &str = "if not so yes no then and please could you can otherwise";

/// Whether the last sentence asks something, in lower case; or asks to be told, where nothing is to be done besides.
fn is_question(text: &str) -> bool {
    let text = text.trim_end();
    let is_asked = text.ends_with('?');
    let end = text.trim_end_matches(['.', '!', '?']);
    let sentence = last_sentence(end);
    let words: Vec<&str> = sentence.split_whitespace().map(bare).collect();
    let mut asking = words.iter().skip_while(|word| is_among(LEADING, word));
    let mut telling = words.iter().skip_while(|word| is_among(CONDITION, word));
    let tells = match (telling.next(), telling.next()) {
        (Some(&"tell" | &"show"), Some(whom)) => *whom == "me",
        (Some(verb), _) => is_among(TELLING, verb),
        _ => false,
    };
    let acts = text.split(|letter: char| !letter.is_alphanumeric()).any(|word| is_among(ACTING, word));
    (is_asked && asking.next().is_some_and(|word| is_among(ASKING, word))) || (tells && !acts)
}

/// What follows the last mark that ends a sentence or a clause; a mark within a word ("15:00", "a.md") ends none.
fn last_sentence(text: &str) -> &str {
    let marks = text.char_indices().filter(|(_, letter)| matches!(letter, '.' | '!' | '?' | ':' | ';'));
    let mut ends = marks.map(|(place, _)| place + 1).filter(|end| text[*end..].starts_with(char::is_whitespace));
    &text[ends.next_back().unwrap_or(0)..]
}

pub(super) fn is_among(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|known| known == word)
}

/// What may be a name: mail addresses, runs of capitalised words and their parts. Where nothing is capitalised beyond
/// the first word, any run of words that are not among the commonest.
fn names(intention: &str) -> Vec<String> {
    let words: Vec<&str> = intention.split_whitespace().collect();
    let mut names: Vec<String> = Vec::new();
    for word in words.iter().map(|word| bare(word)).filter(|word| word.contains('@')) {
        add(&mut names, word);
    }
    let has_names =
        words.iter().enumerate().any(|(place, word)| place > 0 && is_name(bare(word)) && is_capitalised(bare(word)));
    let is_part = |word: &str| is_name(word) && (is_capitalised(word) || !has_names);
    for start in 0..words.len() {
        let mut run: Vec<&str> = Vec::new();
        for word in words[start..].iter().take(NAME_WORDS) {
            if !is_part(bare(word)) {
                break;
            }
            run.push(bare(word));
            add(&mut names, &run.join(" "));
            if word.ends_with([',', '.', ';', ':', '!', '?', '"', '”']) || word.ends_with("'s") || word.ends_with("’s")
            {
                break;
            }
        }
    }
    names.truncate(NAMES);
    names
}

fn add(names: &mut Vec<String>, name: &str) {
    let can_be_quoted = !name.chars().any(|letter| letter.is_control() || matches!(letter, '"' | '\\'));
    if can_be_quoted && !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

/// What may be a path: quoted texts, words with a slash or an ending, names, and words beside "folder", "file" and the
/// like; file names in the folders among them, and the folders above.
fn paths(intention: &str) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    quoted(intention).for_each(|text| add(&mut files, text));
    let unquoted = files.iter().fold(intention.to_owned(), |rest, text| rest.replace(text.as_str(), " "));
    let words: Vec<&str> = unquoted.split_whitespace().map(path_word).collect();
    let mut folders: Vec<String> = Vec::new();
    let is_place = |word: Option<&&str>| word.is_some_and(|word| is_among(PLACES, &word.to_lowercase()));
    for (place, word) in words.iter().enumerate() {
        let is_beside = is_place(words.get(place + 1)) || (place > 0 && is_place(words.get(place - 1)));
        if word.contains('@') || !word.chars().any(char::is_alphabetic) {
            continue;
        } else if is_file_name(word) {
            add(&mut files, word);
        } else if word.contains('/') || (is_beside && is_name(word) && !is_among(KINDS, &word.to_lowercase())) {
            add(&mut folders, word);
        }
    }
    placed_names(&unquoted).iter().for_each(|name| add(&mut folders, name));
    folders.truncate(NAMES);
    files.truncate(NAMES);
    let within = |file: &String| -> Vec<String> {
        let others = folders.iter().filter(|folder| *folder != file);
        others.map(|folder| format!("{}/{file}", folder.trim_end_matches('/'))).collect()
    };
    // A file's name may have no ending: a Makefile.
    let names: Vec<String> = folders.iter().filter(|name| !name.contains([' ', '/'])).cloned().collect();
    let plain = files.iter().filter(|file| !file.contains('/'));
    let joined: Vec<String> = plain.chain(&names).flat_map(within).take(PATHS).collect();
    let above = |path: &String| -> Vec<String> {
        path.match_indices('/').map(|(end, _)| path[..end].to_owned()).filter(|folder| !folder.is_empty()).collect()
    };
    let parents: Vec<String> = files.iter().chain(&folders).flat_map(above).collect();
    let mut paths = Vec::new();
    files.iter().chain(&folders).chain(&joined).chain(&parents).for_each(|path| add(&mut paths, path));
    paths
}

fn speaks_of_material(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.iter().any(|word| is_among(TRANSFORMING, bare(word))) {
        return true;
    }
    let before = |place: usize| words[place.saturating_sub(OWNED_WORDS)..place].iter().rev();
    let is_somebodys = |place: usize| {
        let reach = before(place).take_while(|word| !word.ends_with([',', '.', ';', ':']));
        reach.into_iter().any(|word| is_among(OWNERS, bare(word)) || word.ends_with("'s") || word.ends_with("’s"))
    };
    let is_source = |place: usize| before(place).any(|word| is_among("from of out through", bare(word)));
    (0..words.len()).any(|place| {
        let noun = bare(words[place]);
        let is_about = words.get(place + 1).is_some_and(|next| is_among("about for on to", bare(next)));
        (is_among(MATERIAL, noun) && is_somebodys(place))
            || (is_among("note text paper", noun) && is_about && is_somebodys(place))
            || (is_among("mails notes", noun) && is_source(place))
    })
}

/// Verbs for what is done to a text that is there.
const TRANSFORMING: &str = "boil condense shorten summarise summarize translate";
/// Words for what is written already.
const MATERIAL: &str = "answers contract figures hours invoices mail minutes offer points proposal report results";
/// Who has it.
const OWNERS: &str = "her his my our their";
/// How many words before its name tell whose it is.
const OWNED_WORDS: usize = 3;

/// Files that shall be made, and the folders that only they are said to lie in: "save it as a.md", "slides go to b/c.pptx".
fn targets(intention: &str) -> Vec<String> {
    let words: Vec<&str> = intention.split_whitespace().collect();
    let is_after = |place: usize| is_among(NAMING, &words[place - 1].to_lowercase());
    let named = (1..words.len()).filter(|place| is_after(*place)).map(|place| path_word(words[place]));
    let made = words.iter().map(|word| path_word(word)).filter(|word| is_made(word));
    let files: BTreeSet<&str> = named.chain(made).filter(|word| is_file_name(word)).collect();
    let is_named_elsewhere = |folder: &str| {
        let others = (0..words.len()).filter(|place| !files.contains(path_word(words[*place])));
        others.into_iter().any(|place| {
            let word = path_word(words[place]);
            let is_placed = place > 0 && is_among(PLACING, &bare(words[place - 1]).to_lowercase());
            word.starts_with(&format!("{folder}/")) || (word == folder && is_placed)
        })
    };
    let folders = files.iter().filter_map(|file| file.rsplit_once('/')).map(|(folder, _)| folder);
    let folders = folders.filter(|folder| !is_named_elsewhere(folder));
    files.iter().copied().chain(folders).map(str::to_owned).collect()
}

/// The targets, and the files to which something goes: "put it into a.md".
fn products(intention: &str, targets: &[String]) -> Vec<String> {
    let words: Vec<&str> = intention.split_whitespace().collect();
    let is_after = |place: usize| is_among("into to", &words[place - 1].to_lowercase());
    let into = (1..words.len()).filter(|place| is_after(*place)).map(|place| path_word(words[place]));
    let mut products = Vec::new();
    let files = targets.iter().map(String::as_str).chain(into).filter(|word| is_file_name(word));
    files.for_each(|file| add(&mut products, file));
    products
}

/// Whether a file is of a kind that requests name only when it shall be made.
fn is_made(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(_, ending)| is_among("pptx svg", &ending.to_lowercase()))
}

/// Whether a path is this one, or lies below it.
fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Words before the name of what shall be made.
const NAMING: &str = "as called named";

fn commands(intention: &str) -> Vec<String> {
    let mut commands = Vec::new();
    quoted(intention).for_each(|text| add(&mut commands, text));
    let words: Vec<&str> = intention.split_whitespace().collect();
    let is_asking = |word: &&str| is_among(RUNNING, &bare(word).to_lowercase());
    for start in (1..words.len()).filter(|place| is_asking(&words[place - 1])) {
        for end in start + 1..=words.len().min(start + COMMAND_WORDS) {
            let command = words[start..end].join(" ");
            add(&mut commands, command.trim_end_matches([',', '.', ';', ':', '?', '!']));
        }
    }
    if words.iter().any(is_asking) {
        // "Write a.sh and run it": a file that was just written is no program yet.
        for script in words.iter().map(|word| path_word(word)) {
            match script.rsplit_once('.') {
                Some((_, "sh")) => add(&mut commands, &format!("sh {script}")),
                Some((_, "py")) => add(&mut commands, &format!("python3 {script}")),
                _ => {}
            }
        }
    }
    commands.truncate(COMMANDS);
    commands
}

/// Words after which a command stands.
const RUNNING: &str = "run execute start command shell invoke launch call terminal program does";

/// Capitalised names that stand where a place does: "in Downloads".
fn placed_names(text: &str) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_placing = |word: &str| is_among(PLACING, &bare(word).to_lowercase());
    let mut placed = Vec::new();
    for start in (1..words.len()).filter(|place| is_placing(words[place - 1])) {
        let run =
            words[start..].iter().take(NAME_WORDS).take_while(|word| is_capitalised(bare(word)) && is_name(bare(word)));
        let run: Vec<&str> = run.map(|word| bare(word)).collect();
        (1..=run.len()).for_each(|count| add(&mut placed, &run[..count].join(" ")));
    }
    placed
}

/// Words after which a place is named.
const PLACING: &str =
    "in into to from under up below of at inside within folder directory project clean tidy empty search does has";

/// Words that stand beside the name of a place or a file.
const PLACES: &str =
    "folder folders directory file files document project repository crate script page table sheet spreadsheet report";

/// Words that say of what kind files are, and name none.
const KINDS: &str = "audio code csv docx document excel html image images jpg markdown md pdf pdfs photo photos picture pictures png pptx text txt video \
    word xlsx";

/// A word without the punctuation around it; a leading dot belongs to a file's name.
fn path_word(word: &str) -> &str {
    let word = word.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '/');
    let word = word.strip_suffix("'s").or(word.strip_suffix("’s")).unwrap_or(word);
    word.trim_start_matches(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '.' | '/' | '~'))
}

fn is_file_name(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    !word.contains('*')
        && name.rsplit_once('.').is_some_and(|(_, ending)| {
            (1..=8).contains(&ending.len())
                && ending.chars().all(char::is_alphanumeric)
                && ending.chars().any(char::is_alphabetic)
        })
}

/// The texts in quotation marks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    [('"', '"'), ('“', '”'), ('`', '`')].into_iter().flat_map(move |(open, close)| {
        let mut rest = text;
        std::iter::from_fn(move || {
            let (_, tail) = rest.split_once(open)?;
            let (inner, after) = tail.split_once(close)?;
            rest = after;
            Some(inner.trim())
        })
    })
}

fn is_capitalised(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

/// Words of requests that are nobody's name.
const COMMON: &str = "a about after all also am an and any answer are as ask at be before begin begins bring but by call can cancel \
    change come comes contact could create delete did do does draft email event every everybody everyone find for forward \
    from get give has have he hello her him his how i if in into invite is it its know last let letter line list mail make \
    me meeting message move my new no not of on or our out please prepare put read remind reply say says schedule see send \
    sent set shall she should show tell that the their them then there they this to today tomorrow unread up us was we \
    what when where which who whom will with word would write wrote yes yesterday you your";

/// More verbs that requests begin with.
const BEGINNING: &str = "append arrange ask boil book build bring check collect compile compose condense deliver draw email execute \
    fetch file fill finish gather generate get go hand inform invite keep leave let look mention merge note open order organise pack \
    phone pick plot post prepare present print produce pull push read record remember render report run schedule search select \
    sort start stop store sum summarise switch take test tidy total trim try use work";

/// Verbs of requests that change something, and words for what shall be done again and again.
const ACTING: &str = "add adjust alter always daily each every answer cancel change convert copy create delete draft edit fix forward improve mail make move \
    plan put remove rename repair replace reply rewrite save schedule send set shift shorten translate turn update write";

/// Words of requests that are served by looking.
const LOOKING: &str = "address addresses birthday calculate check compare compute count date dates describe display explain figure find \
    forgot free get give how identify know learn list look many much name need number open outline overview phone \
    pid place price read report say search see show size status sum summarise summarize tell total understand \
    version what where whether which who whom whose why";

/// Words for whatever it may be.
const GENERIC: &str = "again another appointment better bit bug calendar code date deck different document entry event existing field file \
    folder function good item line mail meeting message name nice new note number old one ones other page paragraph part picture \
    presentation problem program project report same sentence setting silly slide some something somehow spreadsheet stuff summary table \
    text thing time title value version way while word";

/// Whether a verb, in lower case, asks to be told something.
pub(super) fn is_verb_of_telling(word: &str) -> bool {
    is_among(TELLING, word)
}

/// Whether a verb, in lower case, asks for something to be done.
pub(super) fn is_verb_of_doing(word: &str) -> bool {
    is_among(ACTING, word) || is_among(BEGINNING, word)
}

fn is_name(word: &str) -> bool {
    let lower = word.to_lowercase();
    let has_letters = lower.chars().filter(|letter| letter.is_alphabetic()).count() >= 2;
    // A request begins with a verb in capitals.
    let is_common = [COMMON, ACTING, TELLING, BEGINNING].iter().any(|list| is_among(list, &lower));
    has_letters && !is_common && !is_calendar_word(&lower) && !word.contains('/')
}

#[cfg(test)]
mod tests {
    use genoa_abi::schema::{Catalog, ToolSchema};

    use super::Said;

    fn names(intention: &str) -> Vec<String> {
        Said::in_intention(intention).names().unwrap().to_vec()
    }

    #[test]
    fn names_are_what_is_capitalised_or_else_what_is_not_common() {
        assert_eq!(names("Tell Ada Okafor that Jonas is late"), ["Ada", "Ada Okafor", "Okafor", "Jonas"]);
        assert_eq!(names("Write to x.y@z.example on Friday, please"), ["x.y@z.example"]);
        assert_eq!(names("send marcus bell the offer"), ["marcus", "marcus bell", "bell", "offer"]);
        assert_eq!(names("What did Mila's bank write?"), ["Mila"]);
        assert_eq!(names("Send him a line"), [] as [&str; 0]);
        assert_eq!(names("Collect what Ada wrote. Save it"), ["Ada"]);
    }

    #[test]
    fn a_request_that_names_nothing_is_told_from_others() {
        let names_nothing = |text: &str| Said::in_intention(text).names_nothing();
        for text in
            ["Change that setting for me", "rename the file, please", "Make the slides", "Set it to the new value"]
        {
            assert!(names_nothing(text), "{text}");
        }
        for text in [
            "Show my files",
            "Which files are new?",
            "Rename the file to budget",
            "Make slides about the move of the shop",
        ] {
            assert!(!names_nothing(text), "{text}");
        }
    }

    #[test]
    fn what_no_tool_is_asked_for_is_beyond_them() {
        let mut tool: ToolSchema = serde_json::from_value(serde_json::json!({
            "name": "files.move", "about": "", "parameters": [], "returns": "None", "effect": "change",
            "executor": "jail", "needs": {}, "phrase": ""
        }))
        .unwrap();
        tool.asked_by = vec!["mov".into(), "sort".into()];
        let catalog = Catalog::new([tool], []);
        let is_beyond = |text: &str| Said::in_intention(text).is_beyond(&catalog);
        for text in ["Order three pizzas", "Ring Mila and ask her when she comes", "Switch the lights off"] {
            assert!(is_beyond(text), "{text}");
        }
        assert!(is_beyond("Water the plants and don't move them"));
        for text in [
            "",
            "Move the file",
            "Don't wait. Move it",
            "Which file is big?",
            "Give me Mila's number",
            "Fetch https://a.example/x",
        ] {
            assert!(!is_beyond(text), "{text}");
        }
    }

    #[test]
    fn paths_are_what_was_quoted_or_looks_like_one() {
        let paths = |intention: &str| Said::in_intention(intention).paths().unwrap().to_vec();
        assert_eq!(paths("Read Code/a.rs, please"), ["Code/a.rs", "Code"]);
        assert_eq!(
            paths("please throw \"b (1).mp4\" in Downloads away"),
            ["b (1).mp4", "Downloads", "Downloads/b (1).mp4"]
        );
        assert_eq!(paths("what is in the folder music?"), ["music"]);
        assert_eq!(paths("Replace it"), [] as [&str; 0]);
    }

    #[test]
    fn what_shall_be_made_is_no_path_to_read_and_stands_in_its_folder() {
        let said = Said::in_intention("Draw the sales of sales.csv and save that as charts/sales.svg");
        assert!(!said.paths().unwrap().contains(&"charts/sales.svg".to_owned()), "{:?}", said.paths());
        let written = said.with_folders("chart.write(path=\"sales.svg\", table=\"sales.csv\")");
        assert_eq!(written, "chart.write(path=\"charts/sales.svg\", table=\"sales.csv\")");
    }

    #[test]
    fn a_question_is_told_from_a_request() {
        let is_question = |text: &str| Said::in_intention(text).is_question;
        for text in [
            "Which file is big?",
            "I am short of space. Where is it gone?",
            "Tell me: in which line is it?",
            "Does it compile? If not, show me why.",
            "I am away. When did I change Budget/2026.ods?",
            "Am I free on Wednesday at 15:00?",
            "List my files",
        ] {
            assert!(is_question(text), "{text}");
        }
        for text in [
            "Could you move it?",
            "Who is it? Write a list",
            "Move the file, please",
            "Will you send it?",
            "Tell Ada that I am ill",
            "List them and move them",
        ] {
            assert!(!is_question(text), "{text}");
        }
    }

    #[test]
    fn material_that_is_there_is_told_from_what_is_dictated() {
        let has_material = |text: &str| Said::in_intention(text).has_material();
        for text in [
            "Make a Word file of my note on parking",
            "Put Fatima's points into a.md",
            "One page, a.docx, from my mails and notes",
            "Slides out of our newest offer to them",
            "Boil the text on moss down to one page",
        ] {
            assert!(has_material(text), "{text}");
        }
        for text in
            ["Add milk to my list", "Write a note: call the bank", "Add to my notes that Bo is away", "Write a script"]
        {
            assert!(!has_material(text), "{text}");
        }
    }

    #[test]
    fn a_program_that_is_named_is_run_first() {
        let begins = |text: &str| Said::in_intention(text).begins_with_a_program();
        assert!(begins("Run scripts/a.sh. How many?") && begins("please execute `ls -l`, then say it"));
        assert!(!begins("Run the tests") && !begins("What does a.sh do? Run it") && !begins(""));
    }

    #[test]
    fn what_shall_be_made_is_not_there_yet() {
        let said = Said::in_intention("Make slides of it. They go to slides/a.pptx. It is in notes/b.md");
        assert_eq!(said.paths().unwrap(), ["notes/b.md", "notes"]);
        assert_eq!(said.folders().unwrap(), ["notes"]);
    }

    #[test]
    fn times_are_what_was_said() {
        let words = |intention: &str| Said::in_intention(intention).time_words().unwrap();
        let found = words("Move the 3rd review from Thu to next week at 14:30, not in may");
        assert_eq!(found.weekdays, ["thursday"]);
        assert_eq!(found.units, ["week"]);
        assert_eq!(found.clocks, [14 * 60 + 30].into());
        assert!(found.numbers.contains(&3));
        assert_eq!(words("Put a meeting into my calendar"), super::TimeWords::default());
        assert_eq!(words("Dinner on Saturday, the 5th of December").weekdays, ["saturday"]);
        assert!(words("Dinner on Saturday 5 December").weekdays.is_empty());
        assert_eq!(words("What happened on 2026-11-20?").iso, ["2026-11-20"]);
    }
}
