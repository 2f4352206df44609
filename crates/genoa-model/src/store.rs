//! The folder of model files: one folder a name, in it one file named after its SHA-256.

use std::fs::{self, File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};

use genoa_abi::{ContentHash, ErrorCode, Failure};
use sha2::{Digest, Sha256};

use crate::foreign::{Foreign, Reading};
use crate::gguf;

/// The ending of model files.
const ENDING: &str = "gguf";
/// Bytes of a name.
const NAME_BYTES: usize = 64;

/// A model file that is there and was verified when it came.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
}

/// Where models are unless something else is said: `$GENOA_MODELS`, else `genoa/models` in the person's cache folder.
#[must_use]
pub fn default_folder() -> PathBuf {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = || absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    let models = || cache().unwrap_or_else(std::env::temp_dir).join("genoa/models");
    absolute("GENOA_MODELS").unwrap_or_else(models)
}

/// All models in `folder`, by name. A folder that is not there has none.
///
/// # Errors
/// [`ErrorCode::StorageFailed`] where it cannot be read.
pub fn list(folder: &Path) -> Result<Vec<Installed>, Failure> {
    let names = match fs::read_dir(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(storage("cannot read", folder, &error)),
    };
    let mut found = Vec::new();
    for entry in names.flatten() {
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if is_name(&name) && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files_of(&name, &entry.path()));
        }
    }
    found.sort_by(|a, b| (&a.name, &a.sha256).cmp(&(&b.name, &b.sha256)));
    Ok(found)
}

/// The model called `name`, if it is there.
///
/// # Errors
/// [`ErrorCode::NotFound`], and [`ErrorCode::Ambiguous`] where two files have the name.
pub fn find(folder: &Path, name: &str) -> Result<Installed, Failure> {
    let mut found = list(folder)?;
    found.retain(|model| model.name == name);
    match (found.pop(), found.is_empty()) {
        (Some(model), true) => Ok(model),
        (None, _) => Err(Failure::new(ErrorCode::NotFound, format!("the model {name} is not on this machine"))
            .try_next(format!("Fetch it with `genoa model fetch {name}`"))),
        (Some(_), false) => Err(Failure::new(ErrorCode::Ambiguous, format!("several files are called {name}"))
            .because(folder.join(name).display())
            .try_next("Remove all but one")),
    }
}

/// Reads a model file anew and compares it with the hash that it is named after.
///
/// # Errors
/// [`ErrorCode::Conflict`] where they differ, [`ErrorCode::StorageFailed`] where it cannot be read.
pub fn verify(model: &Installed, foreign: &dyn Foreign) -> Result<(), Failure> {
    check_header(&model.path, foreign)?;
    let hash = hash_file(&model.path).map_err(|error| storage("cannot read", &model.path, &error))?;
    if hash == model.sha256 {
        return Ok(());
    }
    Err(Failure::new(ErrorCode::Conflict, format!("{} is damaged", model.path.display()))
        .because(format!("its SHA-256 is {hash}, not {}", model.sha256))
        .try_next(format!("Remove it and run `genoa model fetch {}`", model.name)))
}

/// Copies a model file of the person's own into the folder, and gives it a name.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for a bad name or a file that is no model, [`ErrorCode::Conflict`] for a name that is taken.
pub fn add_local(folder: &Path, name: &str, source: &Path, foreign: &dyn Foreign) -> Result<Installed, Failure> {
    if !is_name(name) {
        let what = format!("`{name}` is no name for a model");
        return Err(Failure::new(ErrorCode::InvalidInput, what)
            .try_next(format!("Use up to {NAME_BYTES} small letters, digits, `.`, `_` and `-`")));
    }
    must_be_free(folder, name)?;
    check_header(source, foreign)?;
    let part = part_path(folder, name)?;
    // What was copied is looked at again: the source may have changed meanwhile.
    let copied = fs::copy(source, &part).map_err(|error| storage("cannot copy", source, &error));
    let installed = copied.and_then(|_| take_in(folder, name, &part, foreign));
    if installed.is_err() {
        let _ = fs::remove_file(&part);
    }
    installed
}

/// Makes a file on the same disk the model called `name`, if it is a model.
pub(crate) fn take_in(folder: &Path, name: &str, part: &Path, foreign: &dyn Foreign) -> Result<Installed, Failure> {
    let unread = |error: std::io::Error| storage("cannot read", part, &error);
    check_header(part, foreign)?;
    let sha256 = hash_file(part).map_err(unread)?;
    let bytes = fs::metadata(part).map_err(unread)?.len();
    let own = folder.join(name);
    fs::create_dir_all(&own).map_err(|error| storage("cannot make", &own, &error))?;
    keep(folder, name, part, &sha256, bytes)
}

/// That no model is called `name`.
///
/// # Errors
/// [`ErrorCode::Conflict`] where one is.
pub fn must_be_free(folder: &Path, name: &str) -> Result<(), Failure> {
    if list(folder)?.iter().any(|model| model.name == name) {
        return Err(Failure::new(ErrorCode::Conflict, format!("there is a model called {name} already"))
            .try_next(format!("Use it with `genoa model use {name}`, or remove it with `genoa model remove {name}`")));
    }
    Ok(())
}

/// Removes a model; gives how many bytes were freed.
///
/// # Errors
/// [`ErrorCode::NotFound`], [`ErrorCode::StorageFailed`].
pub fn remove(folder: &Path, name: &str) -> Result<u64, Failure> {
    let mut found = list(folder)?;
    found.retain(|model| model.name == name);
    if found.is_empty() {
        return Err(Failure::new(ErrorCode::NotFound, format!("the model {name} is not on this machine"))
            .try_next("See what is: genoa model list"));
    }
    let own = folder.join(name);
    fs::remove_dir_all(&own).map_err(|error| storage("cannot remove", &own, &error))?;
    Ok(found.iter().map(|model| model.bytes).sum())
}

/// Held while one process works at what the file `path` stands for. The system releases it if the process dies.
pub(crate) fn lock(path: &Path, busy: impl FnOnce() -> Failure) -> Result<File, Failure> {
    let file = File::create(path).map_err(|error| storage("cannot make", path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(busy()),
        Err(TryLockError::Error(error)) => Err(storage("cannot lock", path, &error)),
    }
}

/// That `needed` bytes find room on the disk of `folder`, and `reserve` stay free.
pub(crate) fn check_space(folder: &Path, needed: u64, reserve: u64) -> Result<(), Failure> {
    let data = rustix::fs::statvfs(folder).map_err(|error| storage("cannot ask about", folder, &error.into()))?;
    let free = data.f_bavail.saturating_mul(data.f_frsize);
    if free < needed.saturating_add(reserve) {
        let why = format!("{needed} bytes are needed, {free} are free, {reserve} stay free");
        return Err(Failure::new(ErrorCode::StorageFailed, format!("the disk of {} is too full", folder.display()))
            .because(why)
            .try_next("Make room, or set XDG_CACHE_HOME to another disk"));
    }
    Ok(())
}

/// Has the header of a model file looked at.
pub(crate) fn check_header(path: &Path, foreign: &dyn Foreign) -> Result<(), Failure> {
    let reading = Reading::Header { shown: path.display().to_string() };
    foreign.read(&reading, gguf::open(path)?, None).map(drop)
}

/// Small letters, digits and `.`, `_`, `-` inside: good for a folder's name, a command line and a person.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    name.len() <= NAME_BYTES
        && name.bytes().all(inside)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// What reading says.
pub(crate) fn hash_file(path: &Path) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    read_all(&mut File::open(path)?, |chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    Ok(ContentHash(hasher.finalize().into()).to_string())
}

/// Where a file of this name is put together.
pub(crate) fn part_path(folder: &Path, name: &str) -> Result<PathBuf, Failure> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).map_err(|error| storage("cannot make", &folder, &error))?;
    Ok(folder.join("download.part"))
}

/// Gives a verified file its place. Its content and its name are on the disk when this returns.
pub(crate) fn keep(folder: &Path, name: &str, part: &Path, sha256: &str, bytes: u64) -> Result<Installed, Failure> {
    let path = folder.join(name).join(format!("{sha256}.{ENDING}"));
    let place = || {
        File::open(part)?.sync_all()?;
        fs::rename(part, &path)?;
        File::open(folder.join(name))?.sync_all()
    };
    place().map_err(|error| storage("cannot keep", &path, &error))?;
    Ok(Installed { name: name.to_owned(), path, sha256: sha256.to_owned(), bytes })
}

pub(crate) fn storage(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(ErrorCode::StorageFailed, format!("{verb} {}", path.display())).because(error)
}

fn files_of(name: &str, folder: &Path) -> Vec<Installed> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let file = |entry: fs::DirEntry| {
        let path = entry.path();
        let data = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let sha256 = path.file_stem()?.to_str()?.parse::<ContentHash>().ok()?.to_string();
        (path.extension()? == ENDING).then_some(())?;
        Some(Installed { name: name.to_owned(), path, sha256, bytes: data.len() })
    };
    entries.flatten().filter_map(file).collect()
}

fn read_all(input: &mut dyn Read, mut each: impl FnMut(&[u8]) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut chunk = vec![0; 1024 * 1024];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => each(&chunk[..count])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
