//! What an intention names: people, files and folders, commands.

use std::collections::BTreeSet;

use super::english::{bare, is_among, is_capitalised, is_name};

/// What may be a name: mail addresses, runs of capitalised words and their parts. Where nothing is capitalised beyond
/// the first word, any run of words that are not among the commonest.
pub(super) fn names(intention: &str) -> Vec<String> {
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

pub(super) fn add(names: &mut Vec<String>, name: &str) {
    let can_be_quoted = !name.chars().any(|letter| letter.is_control() || matches!(letter, '"' | '\\'));
    if can_be_quoted && !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

/// What may be a path: quoted texts, words with a slash or an ending, names, and words beside "folder", "file" and the
/// like; file names in the folders among them, and the folders above.
pub(super) fn paths(intention: &str) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    quoted(intention).for_each(|text| add(&mut files, text));
    let unquoted = files.iter().fold(intention.to_owned(), |rest, text| rest.replace(text.as_str(), " "));
    let words: Vec<&str> = unquoted.split_whitespace().map(path_word).collect();
    // `*.bak` names no file called `.bak`.
    let patterns: Vec<&str> = unquoted.split_whitespace().filter(|word| word.contains('*')).map(path_word).collect();
    let mut folders: Vec<String> = Vec::new();
    let is_place = |word: Option<&&str>| word.is_some_and(|word| is_among(PLACES, &word.to_lowercase()));
    for (place, word) in words.iter().enumerate() {
        let is_beside = is_place(words.get(place + 1)) || (place > 0 && is_place(words.get(place - 1)));
        if word.contains('@') || !word.chars().any(char::is_alphabetic) || patterns.contains(word) {
            continue;
        } else if is_file_name(word) {
            add(&mut files, word);
        } else if word.contains('/') || (is_beside && is_name(word) && !is_among(NO_PLACES, &word.to_lowercase())) {
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

/// Files that shall be made, and the folders that only they are said to lie in: "save it as a.md", "slides go to b/c.pptx".
pub(super) fn targets(request: &str, answers: &[&str]) -> Vec<String> {
    let words: Vec<&str> = request.split_whitespace().collect();
    let is_after = |place: usize| is_among(NAMING, &words[place - 1].to_lowercase());
    let named = (1..words.len()).filter(|place| is_after(*place)).map(|place| path_word(words[place]));
    // "a.jpg needs a proper name, ask me which": the answer tells what it becomes.
    let is_named = words.iter().any(|word| is_file_name(path_word(word)));
    let answered = answers.iter().flat_map(|answer| answer.split_whitespace()).map(path_word).filter(|_| is_named);
    let named = named.chain(answered);
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
pub(super) fn products(intention: &str, targets: &[String]) -> Vec<String> {
    let words: Vec<&str> = intention.split_whitespace().collect();
    let is_after = |place: usize| is_among("into to", &words[place - 1].to_lowercase());
    let into = (1..words.len()).filter(|place| is_after(*place)).map(|place| path_word(words[place]));
    let mut products = Vec::new();
    let files = targets.iter().map(String::as_str).chain(into).filter(|word| is_file_name(word));
    files.for_each(|file| add(&mut products, file));
    products
}

/// The folders that are only said to hold something: "the copies from Downloads", "in the folder Notes".
pub(super) fn holders(intention: &str, folders: &[String]) -> Vec<String> {
    let words: Vec<&str> = intention.split_whitespace().collect();
    let stands_at = |folder: &str, place: usize| {
        let named = folder.split(' ').count();
        let said: Vec<&str> = words[place..].iter().take(named).map(|word| path_word(word)).collect();
        said.join(" ").eq_ignore_ascii_case(folder)
    };
    let is_held_in = |place: usize| {
        let before = words[..place].iter().rev().map(|word| bare(word).to_lowercase());
        let mut before = before.skip_while(|word| is_among("the my our this that folder directory", word));
        before.next().is_some_and(|word| is_among("from in inside within of under out", &word))
    };
    let only_holds = |folder: &&String| {
        let mut places = (0..words.len()).filter(|place| stands_at(folder, *place)).peekable();
        places.peek().is_some() && places.all(is_held_in)
    };
    folders.iter().filter(only_holds).cloned().collect()
}

/// Whether a file is of a kind that requests name only when it shall be made.
pub(super) fn is_made(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(_, ending)| is_among("pptx svg", &ending.to_lowercase()))
}

/// Whether a path is this one, or lies below it.
pub(super) fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Words before the name of what shall be made.
pub(super) const NAMING: &str = "as called named";

pub(super) fn commands(intention: &str) -> Vec<String> {
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
pub(super) const RUNNING: &str = "run execute start command shell invoke launch call terminal program does";

/// Capitalised names that stand where a place does: "in Downloads".
pub(super) fn placed_names(text: &str) -> Vec<String> {
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
pub(super) const PLACING: &str =
    "in into to from under up below of at inside within folder directory project clean tidy empty search does has";

/// Words that stand beside the name of a place or a file.
pub(super) const PLACES: &str =
    "folder folders directory file files document project repository crate script page table sheet spreadsheet report";

/// Words that say of what kind files are, and name none.
pub(super) const NO_PLACES: &str = "here there where audio code csv docx document excel html image images jpg markdown md pdf pdfs photo photos picture pictures png pptx text txt video \
    word xlsx";

/// A word without the punctuation around it; a leading dot belongs to a file's name.
pub(super) fn path_word(word: &str) -> &str {
    let word = word.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '/');
    let word = word.strip_suffix("'s").or(word.strip_suffix("’s")).unwrap_or(word);
    word.trim_start_matches(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '.' | '/' | '~'))
}

pub(super) fn is_file_name(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    !word.contains('*')
        && name.rsplit_once('.').is_some_and(|(_, ending)| {
            (1..=8).contains(&ending.len())
                && ending.chars().all(char::is_alphanumeric)
                && ending.chars().any(char::is_alphabetic)
        })
}

/// The texts in quotation marks, each once, as they are written in a plan.
pub(super) fn quotations(text: &str) -> Vec<String> {
    let mut quotations = Vec::new();
    for text in quoted(text).filter(|text| !text.is_empty() && !text.contains(char::is_control)) {
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        if !quotations.contains(&escaped) {
            quotations.push(escaped);
        }
    }
    quotations.truncate(NAMES);
    quotations
}

/// The texts in quotation marks.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = &str> {
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

/// Names that may be written for one person argument.
pub(super) const NAMES: usize = 40;

/// File names in folders that may be written for one path.
pub(super) const PATHS: usize = 40;

/// Commands that may be written for one intention, and words of one.
pub(super) const COMMANDS: usize = 80;

/// Words of one command.
pub(super) const COMMAND_WORDS: usize = 24;

/// Words of one name.
pub(super) const NAME_WORDS: usize = 4;
