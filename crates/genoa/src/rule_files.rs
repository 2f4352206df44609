//! The rules on top of grants: where they are kept (the administrator's in `/etc/genoa/policy`, the person's in their home), and
//! whether a file is sound among them.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use genoa_abi::policy::{PolicyTexts, RuleFile};
use genoa_abi::schema::Catalog;
use genoa_abi::{ErrorCode, Failure};
use genoa_daemon::Home;
use genoa_policy::{Remark, RemarkKind, check};

use crate::output::{BAD, CARE, styled, visible_line};

/// The administrator's folder.
const SITE: &str = "/etc/genoa/policy";
/// How a file of rules ends.
const ENDING: &str = "cedar";
/// Bytes of one file, at most.
const FILE_BYTES: u64 = 256 * 1024;
/// Files of one folder, at most.
const FILES: usize = 100;

/// All rules besides the shipped ones. What cannot be read stands for rules that nobody knows, so nothing is allowed as long
/// as it is there.
pub(crate) fn texts(home: &Home) -> PolicyTexts {
    PolicyTexts { administrator: in_folder(Path::new(SITE)), person: in_folder(&home.policy()) }
}

/// What the daemon looks at to notice a change, besides the person's folder itself.
pub(crate) fn watched(home: &Home) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(SITE)];
    for folder in [Path::new(SITE), &home.policy()] {
        paths.extend(files_in(folder).unwrap_or_default());
    }
    paths
}

/// The files of a folder, by name.
fn in_folder(folder: &Path) -> Vec<RuleFile> {
    let unreadable = |path: &Path, failure: &Failure| vec![RuleFile::unreadable(name_of(path), failure.to_string())];
    let files = match files_in(folder) {
        Ok(files) => files,
        Err(failure) => return unreadable(folder, &failure),
    };
    if files.len() > FILES {
        let failure = Failure::new(ErrorCode::TooLarge, format!("{} holds too many files of rules", folder.display()))
            .because(format!("there are {}, the limit is {FILES}", files.len()));
        return unreadable(folder, &failure);
    }
    files
        .iter()
        .flat_map(|path| read(path).map_or_else(|failure| unreadable(path, &failure), |file| vec![file]))
        .collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads one file of rules.
pub(crate) fn read(path: &Path) -> Result<RuleFile, Failure> {
    let wrong = |what: &str| Failure::new(ErrorCode::InvalidInput, format!("{} {what}", path.display()));
    // A pipe would be waited for, and a device has no end.
    if !path.metadata().map_err(|error| unreadable(path, &error))?.is_file() {
        return Err(wrong("is no file").try_next("Move it out of the folder, or name a file of rules"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(Failure::new(ErrorCode::TooLarge, format!("{} is too large for rules", path.display()))
            .because(format!("the limit is {FILE_BYTES} bytes"))
            .try_next("Name lists of people and paths by a pattern, or make several files of it"));
    }
    let text =
        String::from_utf8(bytes).map_err(|error| wrong("is no text").because(error).try_next("Write it as UTF-8"))?;
    // Rules are told apart by the name of their file.
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| wrong("has a name that is no text").try_next("Rename the file"))?;
    Ok(RuleFile::new(name, text))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let code = if error.kind() == ErrorKind::NotFound { ErrorCode::NotFound } else { ErrorCode::Internal };
    Failure::new(code, format!("cannot read the rules in {}", path.display()))
        .because(error)
        .try_next("Make it readable for you, or move it out of the folder")
}

/// Lets a file of rules hold: whole or not at all.
pub(crate) fn save(home: &Home, rules: &RuleFile) -> Result<(), Failure> {
    let folder = home.policy();
    let path = folder.join(named(&rules.name)?);
    let fail = |error: std::io::Error| {
        Failure::new(ErrorCode::Internal, format!("cannot write {}", path.display())).because(error)
    };
    std::fs::create_dir_all(&folder).map_err(fail)?;
    let unfinished = path.with_extension("part");
    std::fs::write(&unfinished, &rules.text).and_then(|()| std::fs::rename(&unfinished, &path)).map_err(fail)
}

/// Takes a file of the person's rules out.
pub(crate) fn remove(home: &Home, name: &str) -> Result<(), Failure> {
    let path = home.policy().join(named(name)?);
    std::fs::remove_file(&path).map_err(|error| {
        let code = match error.kind() {
            ErrorKind::NotFound => ErrorCode::NotFound,
            ErrorKind::IsADirectory => ErrorCode::InvalidInput,
            _ => ErrorCode::Internal,
        };
        Failure::new(code, format!("cannot remove {}", path.display()))
            .because(error)
            .try_next("`genoa policy list` names the files; the administrator's are theirs to remove")
    })
}

/// A file's name that is one, and ends as it should.
fn named(name: &str) -> Result<&str, Failure> {
    let is_plain = !name.contains(['/', '\0']) && !name.starts_with('.');
    if is_plain && Path::new(name).extension().is_some_and(|ending| ending == ENDING) {
        return Ok(name);
    }
    Err(Failure::new(ErrorCode::InvalidInput, format!("`{}` is no name for a file of rules", name.escape_debug()))
        .try_next("Call it like `mail.cedar`"))
}

/// What is to be said of a file of rules together with those that hold; or what is wrong, and it does not hold.
pub(crate) fn sound(home: &Home, catalog: &Catalog, file: &RuleFile) -> Result<Vec<Remark>, Remark> {
    let mut texts = texts(home);
    texts.put(file.clone());
    let mut remarks = check(&texts, catalog);
    match remarks.iter().position(|remark| remark.kind == RemarkKind::Wrong) {
        Some(place) => Err(remarks.swap_remove(place)),
        None => Ok(remarks),
    }
}

/// One of the person's files, with a rule more.
pub(crate) fn with_rule(home: &Home, name: &str, rule: &str) -> RuleFile {
    RuleFile::new(name, [text_of(home, name).as_str(), rule].join("\n"))
}

/// What stands in one of the person's files; nothing if it is not there.
pub(crate) fn text_of(home: &Home, name: &str) -> String {
    let files = texts(home).person;
    files.into_iter().find(|file| file.name == name).map(|file| file.text).unwrap_or_default()
}

/// A remark for people.
pub(crate) fn remark_line(remark: &Remark) -> String {
    let mark = if remark.kind == RemarkKind::Wrong { styled(BAD, "✗") } else { styled(CARE, "!") };
    format!("{mark} {}", visible_line(&remark.to_string()))
}
