//! What a file is by its name: its kind, and whether a name or a pattern means it.

use std::path::Path;

use crate::walk;

/// The kinds, as the type of a parameter.
pub(crate) const KINDS: &str = r#""folder" | "text" | "pdf" | "image" | "document" | "spreadsheet" | "slides" | "code" | "audio" | "video" | "archive" | "other""#;

/// The kind of the file or folder at `path`, by its name.
pub(crate) fn kind_of(path: &Path, is_folder: bool) -> &'static str {
    if is_folder {
        return "folder";
    }
    match walk::extension(path).as_str() {
        "txt" | "md" | "markdown" | "rst" | "org" | "adoc" | "log" | "html" | "htm" | "eml" => "text",
        "pdf" => "pdf",
        "png" | "jpg" | "jpeg" | "gif" | "svg" | "webp" | "bmp" | "tif" | "tiff" | "heic" | "avif" => "image",
        "doc" | "docx" | "odt" | "rtf" | "tex" | "epub" => "document",
        "csv" | "tsv" | "xls" | "xlsx" | "ods" => "spreadsheet",
        "ppt" | "pptx" | "odp" | "key" => "slides",
        "rs" | "py" | "js" | "ts" | "c" | "h" | "cpp" | "go" | "java" | "rb" | "sh" | "sql" | "css" | "json"
        | "jsx" | "tsx" | "hpp" | "cc" | "cs" | "kt" | "swift" | "php" | "lua" | "zig" | "ipynb" | "toml" | "yaml"
        | "yml" | "xml" => "code",
        "mp3" | "wav" | "flac" | "ogg" | "m4a" | "opus" | "aac" => "audio",
        "mp4" | "mkv" | "mov" | "avi" | "webm" | "m4v" | "mpg" | "mpeg" => "video",
        "zip" | "tar" | "gz" | "tgz" | "xz" | "bz2" | "7z" | "rar" | "zst" | "iso" | "deb" => "archive",
        _ => "other",
    }
}

/// Whether a search for files of the kind `wanted` means `path`. A PDF is a document to a person, and a table of commas a
/// text; what each is shown as is [`kind_of`].
pub(crate) fn is_of_kind(wanted: &str, path: &Path, is_folder: bool) -> bool {
    let also: &[&str] = match wanted {
        "text" => &["csv", "tsv"],
        "document" => &["pdf"],
        _ => &[],
    };
    wanted == kind_of(path, is_folder) || (!is_folder && also.contains(&walk::extension(path).as_str()))
}

/// What is called by `wanted`, each with its name and path in lower case. `*` and `?` make a pattern for the whole name; a
/// slash asks for the path. Everything else is a part of the name, or, where that is in none, its words in any order, or,
/// where these are in no name either, words of name and path.
pub(crate) fn called<T>(wanted: &str, mut candidates: Vec<((String, String), T)>) -> Vec<T> {
    let wanted = Wanted { text: wanted.trim().to_lowercase() };
    let ways: &[fn(&Wanted, &str, &str) -> bool] =
        if wanted.is_pattern() { &[Wanted::whole] } else { &[Wanted::whole, Wanted::words, Wanted::path] };
    let way = ways.iter().find(|fits| candidates.iter().any(|((name, path), _)| fits(&wanted, name, path)));
    candidates.retain(|((name, path), _)| way.is_some_and(|fits| fits(&wanted, name, path)));
    candidates.into_iter().map(|(_, candidate)| candidate).collect()
}

/// What a search asks for, in lower case.
struct Wanted {
    text: String,
}

impl Wanted {
    fn is_pattern(&self) -> bool {
        self.text.contains(['*', '?'])
    }

    fn parts(&self) -> impl Iterator<Item = &str> {
        self.text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
    }

    fn whole(&self, name: &str, path: &str) -> bool {
        let text = if self.text.contains('/') { path } else { name };
        if self.is_pattern() { pattern_fits(self.text.as_bytes(), text.as_bytes()) } else { text.contains(&self.text) }
    }

    fn words(&self, name: &str, _: &str) -> bool {
        self.parts().next().is_some() && self.parts().all(|word| holds(name, word))
    }

    /// A folder alone does not make everything in it be called so.
    fn path(&self, name: &str, path: &str) -> bool {
        self.words(path, path) && self.parts().any(|word| holds(name, word))
    }
}

/// Whether a name has a word: as it is, in the singular, or as the number of a month after a year ("bills-2027-02" is of
/// February).
fn holds(name: &str, word: &str) -> bool {
    let singular = word.strip_suffix('s').filter(|stem| stem.chars().count() > 2);
    name.contains(word) || singular.is_some_and(|stem| name.contains(stem)) || names_month(name, word)
}

fn names_month(name: &str, word: &str) -> bool {
    const MONTHS: &str = "january february march april may june july august september october november december";
    let Some(place) = MONTHS.split(' ').position(|month| month == word) else { return false };
    let (number, digits) = (format!("{:02}", place + 1), |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()));
    let is_dated = |(at, _): (usize, &str)| {
        let before = name[..at].trim_end_matches(['-', '_', '.']);
        let year = before.len().checked_sub(4).and_then(|start| before.get(start..));
        year.is_some_and(|year| year.starts_with("20") && digits(year))
    };
    name.match_indices(number.as_str()).any(is_dated)
}

fn pattern_fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut place, mut star) = (0, 0, None);
    while place < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(sign) if *sign == b'?' || *sign == text[place] => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((back, begin)) => {
                    star = Some((back, begin + 1));
                    at = back + 1;
                    place = begin + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|sign| *sign == b'*')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{called, is_of_kind};

    #[test]
    fn months_and_plurals_are_words_of_names() {
        let found = |wanted: &str| {
            let names = ["bills-2027-02.csv", "bills-2027-12.csv", "bill of 2002.csv"];
            called(wanted, names.iter().map(|name| (((*name).to_owned(), (*name).to_owned()), *name)).collect())
        };
        assert_eq!(found("February bills"), ["bills-2027-02.csv"]);
        assert_eq!(found("December bills"), ["bills-2027-12.csv"]);
        assert_eq!(found("bills 2002"), ["bill of 2002.csv"]);
        assert!(found("January bills").is_empty());
    }

    #[test]
    fn a_name_is_a_pattern_a_part_or_words() {
        let paths = ["Work/Offer Harbour v2.docx", "Work/harbour-notes.md", "Harbour/offer.pdf", "Home/rent.pdf"];
        let check = |wanted: &str, expected: &[&str]| {
            let candidate = |path: &&'static str| {
                let lower = path.to_lowercase();
                ((lower.rsplit('/').next().unwrap_or_default().to_owned(), lower), *path)
            };
            assert_eq!(called(wanted, paths.iter().map(candidate).collect()), expected, "{wanted}");
        };
        check("", &paths);
        check("offer", &["Work/Offer Harbour v2.docx", "Harbour/offer.pdf"]);
        check("HARBOUR offer", &["Work/Offer Harbour v2.docx"]);
        check("offer, v2", &["Work/Offer Harbour v2.docx"]);
        check("home rent", &["Home/rent.pdf"]);
        check("offer harbour pdf", &["Harbour/offer.pdf"]);
        check("home", &[]);
        check("work home", &[]);
        check("*.pdf", &["Harbour/offer.pdf", "Home/rent.pdf"]);
        check("harbour/*", &["Harbour/offer.pdf"]);
        check("harbour offer*.txt", &[]);
        check("harbour/offer", &["Harbour/offer.pdf"]);
        check("!", &[]);
    }

    #[test]
    fn kinds_hold_what_a_person_expects() {
        let check = |kind: &str, holds: &[&str], not: &[&str]| {
            let is = |name: &&&str| is_of_kind(kind, Path::new(name), false);
            assert!(holds.iter().all(|name| is(&name)) && !not.iter().any(|name| is(&name)), "{kind}");
        };
        check("text", &["a.md", "a.TXT", "a.csv", "a.log"], &["a.pdf", "a.json", "a.docx", "a.rs", "a.xlsx"]);
        check("document", &["a.docx", "a.odt", "a.pdf", "a.rtf"], &["a.md", "a.xlsx", "a.pptx"]);
        check("pdf", &["a.pdf"], &["a.docx"]);
        check("spreadsheet", &["a.csv", "a.xlsx", "a.ods"], &["a.pdf"]);
        check("code", &["a.rs", "a.json", "a.tsx"], &["a.md"]);
        assert!(is_of_kind("folder", Path::new("a.pdf"), true) && !is_of_kind("document", Path::new("a.pdf"), true));
    }
}
