//! What the person said: the words that an intention gives a planner to work with.
//!
//! Small models fill every slot they are offered: a day that nobody named, a person out of an example, a deletion to
//! round things off. So times, people, and tools that must be asked for come from the intention's own words, or cannot
//! be written at all. The words are English.

use std::collections::BTreeSet;

use genoa_abi::schema::{Catalog, EffectClass, ToolSchema};

use super::amounts::amounts;
use super::answered::request_and_answers;
use super::deeds::{Deeds, begins_with_a_deed, out_of_reach, request_and_background, sentences, speaks_of};
use super::english::{ACTING, COMMON, GENERIC, LOOKING, TELLING, bare, is_among, is_name};
use super::named::{
    NAMES, add, commands, holders, is_file_name, is_within, names, path_word, paths, products, quotations, targets,
};
use super::spoken_times::TimeWords;

/// An intention with more different words than this, and a name or path among them, says enough to begin with.
const ENOUGH_WORDS: usize = 12;

/// Words that a topic may be made of.
const TOPIC_WORDS: usize = 200;

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
    /// Those of them that are only said to hold something.
    holders: Vec<String>,
    /// Files that shall be made, or may be: what stands after "as", and after "to" or "into".
    products: Vec<String>,
    /// The paths without those of what shall be made: "save it as a.md".
    existing: Vec<String>,
    commands: Vec<String>,
    quotations: Vec<String>,
    is_question: bool,
    /// The person was asked already, and answered.
    is_answered: bool,
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
        let (request, answers) = request_and_answers(intention);
        let said = std::iter::once(request.as_str()).chain(answers.iter().copied()).collect::<Vec<_>>().join("\n");
        let intention = said.as_str();
        let asked = request.to_lowercase();
        let (lower, paths, targets) = (intention.to_lowercase(), paths(intention), targets(&request, &answers));
        let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let is_target = |path: &String| {
            let is_called = |target: &String| path.rsplit_once('/').is_some_and(|(_, name)| name == target);
            targets.iter().any(|target| is_within(target, path) || is_called(target))
        };
        let is_folder = |path: &&String| !is_file_name(path) && !targets.contains(path);
        let folders: Vec<String> = paths.iter().filter(is_folder).cloned().collect();
        Self {
            words: words.map(str::to_owned).collect(),
            undone: undone(&lower),
            names: names(intention),
            existing: paths.iter().filter(|path| !is_target(path)).cloned().collect(),
            holders: holders(intention, &folders),
            folders,
            products: products(intention, &targets),
            paths,
            commands: commands(intention),
            quotations: quotations(intention),
            is_question: is_question(&request_and_background(&asked).0),
            deeds: Deeds::asked_in(&request),
            out_of_reach: out_of_reach(&request),
            is_answered: !answers.is_empty(),
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
        // What the person answered is material of their own.
        !self.is_answered && self.text.as_deref().is_some_and(speaks_of_material)
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

    /// Whether the person wants to be asked before anything is done: "ask me which hours".
    pub(super) fn wants_to_be_asked(&self) -> bool {
        let Some(text) = self.text.as_ref().filter(|_| !self.is_answered) else { return false };
        text.find("ask me").is_some_and(|place| {
            let last = text[..place].split_whitespace().next_back().map_or("", bare);
            !(is_among(NEGATIONS, last) || last.ends_with("n't") || last.ends_with("n’t"))
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

    /// Whether a path was only said to hold what a request is about. That it is to be moved or deleted itself nobody said.
    pub(super) fn only_holds(&self, path: &str) -> bool {
        self.holders.iter().any(|holder| holder == path)
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
                let can_be_written =
                    word.chars().all(|letter| letter.is_alphanumeric() || "-_.@&+':%#".contains(letter));
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

    /// What looks like a piece of code or data, and not like English: numbers, names with marks or capitals within, runs of
    /// them, and what follows "word" or "replace".
    pub(super) fn pieces_of_code(&self) -> Vec<String> {
        let is_piece = |word: &str| {
            let inner: Vec<char> = word.chars().skip(1).collect();
            let has_marks = word.contains(['_', '(', '=', '<', '>', '{', '[', '#', '%']) || word.contains("::");
            let has_digits = word.contains(|letter: char| letter.is_ascii_digit());
            has_marks || has_digits || inner.iter().any(|letter| letter.is_uppercase())
        };
        let words: Vec<&str> = self.original.split_whitespace().map(trimmed).collect();
        let mut pieces = Vec::new();
        for start in 0..words.len() {
            let is_called = start > 0 && is_among("word replace", &words[start - 1].to_lowercase());
            let run = words[start..].iter().take(PIECE_WORDS).take_while(|word| is_piece(word)).count();
            (1..=run.max(usize::from(is_called)))
                .for_each(|count| add(&mut pieces, &words[start..start + count].join(" ")));
        }
        pieces.truncate(NAMES);
        pieces
    }

    /// What stands in quotation marks, as it is.
    pub(super) fn quotations(&self) -> &[String] {
        &self.quotations
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

    /// Whether this is not the kind of files that are meant: its word names a folder ("in Documents"), or the ending of some of
    /// them is said ("the jpgs").
    pub(super) fn rules_out_kind(&self, kind: &str) -> bool {
        let names_it = |holder: &String| {
            let folder = holder.to_lowercase();
            folder == kind || folder.strip_suffix('s') == Some(kind)
        };
        let endings = ENDINGS.iter().find(|(known, _)| *known == kind).map_or("", |(_, endings)| endings);
        let words: Vec<&str> = self.text.iter().flat_map(|text| text.split_whitespace()).map(bare).collect();
        let said = |ending: &str| words.iter().any(|word| word.strip_suffix('s').unwrap_or(word) == ending);
        self.holders.iter().any(names_it) || endings.split_whitespace().any(said)
    }

    /// Whether a number may be what is asked for, or nothing is asked.
    pub(super) fn may_be_counted(&self) -> bool {
        let counts = ["many", "much", "count", "number", "total", "any", "there", "if"];
        !self.is_question || counts.into_iter().any(|word| self.words.contains(word))
    }

    /// The numbers that something may be compared with; nothing where any may.
    pub(super) fn amounts(&self) -> Option<Vec<String>> {
        self.text.as_deref().map(amounts)
    }

    /// Whether a file is named.
    pub(super) fn names_a_file(&self) -> bool {
        self.paths.iter().any(|path| is_file_name(path))
    }

    /// The words of time that the intention holds; nothing where any may be used.
    pub(super) fn time_words(&self) -> Option<TimeWords> {
        self.text.as_ref().map(|text| TimeWords::in_text(text, &self.words))
    }

    /// Whether a plan does not mention a file that shall be made: then something must write it.
    #[must_use]
    pub fn misses_a_target(&self, plan: &str) -> bool {
        let plan = plan.to_lowercase();
        let names = self.products.iter().filter_map(|path| path.rsplit('/').next());
        names.map(str::to_lowercase).any(|name| !plan.contains(&name))
    }

    /// Whether a plan does not mention a file that the person named: then it cannot be over.
    #[must_use]
    pub fn misses_a_file(&self, plan: &str) -> bool {
        let plan = plan.to_lowercase();
        let names = self.paths.iter().filter(|path| is_file_name(path)).filter_map(|path| path.rsplit('/').next());
        names.map(str::to_lowercase).any(|name| !plan.contains(&name))
    }
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
            // "If not, commit it": what follows is another clause.
            _ if word.ends_with(['.', ',', ';', ':', '!', '?']) => 0,
            _ if is_negation => NEGATED_WORDS,
            reach => usize::saturating_sub(reach, 1),
        };
    }
    undone.difference(&done).cloned().collect()
}

/// What says that the next words shall not be done, besides "don't" and the like.
const NEGATIONS: &str = "not never without cannot dont";

/// How many words a negation is about.
const NEGATED_WORDS: usize = 2;

/// Words of one piece of code or data: a telephone number in groups.
const PIECE_WORDS: usize = 4;

fn trimmed(word: &str) -> &str {
    word.trim_matches(|mark: char| ".,;:!?'’".contains(mark))
}

/// A word in a regular expression.
fn escape(word: &str) -> String {
    word.replace('.', "[.]").replace('+', "[+]")
}

/// Kinds of files, and the endings that say more.
const ENDINGS: [(&str, &str); 6] = [
    ("image", "jpg jpeg png gif svg webp heic"),
    ("audio", "mp3 wav flac ogg"),
    ("video", "mp4 mov avi mkv webm"),
    ("document", "docx odt rtf"),
    ("text", "md txt"),
    ("spreadsheet", "xlsx ods csv"),
];

/// Words that begin a question. Requests in the form of one ("could you …?") are none.
const ASKING: &str = "what which who whom whose when where why how is are was were am do does did has have had";

/// Words that may stand before those.
const LEADING: &str = "since until in on at for from to with under by of according and so but";

/// What may stand before a request to be told something.
const CONDITION: &str = "if not so yes no then and please could you can otherwise only just";

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
    let asks_before = sentences(text).into_iter().any(|sentence| {
        let clauses = sentence
            .split(", ")
            .map(|clause| clause.split_whitespace().map(bare).find(|word| !is_among(LEADING, word)));
        sentence.ends_with('?') && clauses.flatten().any(|word| is_among(ASKING, word))
    });
    let asks = asks_before || (is_asked && asking.next().is_some_and(|word| is_among(ASKING, word)));
    // "Rename it everywhere. Does it build then?"
    (asks && !begins_with_a_deed(text)) || (tells && !acts)
}

/// What follows the last mark that ends a sentence or a clause; a mark within a word ("15:00", "a.md") ends none.
fn last_sentence(text: &str) -> &str {
    let marks = text.char_indices().filter(|(_, letter)| matches!(letter, '.' | '!' | '?' | ':' | ';'));
    let mut ends = marks.map(|(place, _)| place + 1).filter(|end| text[*end..].starts_with(char::is_whitespace));
    &text[ends.next_back().unwrap_or(0)..]
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
