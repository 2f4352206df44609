//! Files that hostile programs wrote, handled by descriptors: no link is followed, nothing outside is reached.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use genoa_abi::{ContentHash, ErrorCode, Failure};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Turns an error of the system into a failure that says what was done.
pub(crate) trait FailureExt<T> {
    fn failing<W: Into<String>>(self, what: impl FnOnce() -> W) -> Result<T, Failure>;
}

impl<T, E: Display> FailureExt<T> for Result<T, E> {
    fn failing<W: Into<String>>(self, what: impl FnOnce() -> W) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(ErrorCode::Internal, what()).because(error))
    }
}

/// Opens a folder that Genoa or the person named.
pub(crate) fn open_root(path: &Path) -> Result<OwnedFd, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).failing(|| format!("the folder {} cannot be opened", path.display()))
}

/// Opens the folder `name` in `folder`; a link is refused.
pub(crate) fn open_folder(folder: impl AsFd, name: &OsStr) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?)
}

/// Opens the file `name` in `folder` for reading; a link is refused, and a pipe does not block.
pub(crate) fn open_file(folder: impl AsFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?))
}

/// The folder that holds `path`, which is relative to `root`, and the last part of the name. Nothing on the way is a link.
pub(crate) fn open_parent(root: impl AsFd, path: &Path) -> io::Result<(OwnedFd, &OsStr)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    Ok((rustix::fs::openat2(root, parent, flags, Mode::empty(), resolve)?, name))
}

/// What is at `name` in `folder`, not following a link; nothing if nothing is there.
pub(crate) fn stat(folder: impl AsFd, name: &OsStr) -> io::Result<Option<Stat>> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: impl AsFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = OsString::from_vec(entry?.file_name().to_bytes().to_vec());
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Where a link points, as it is written.
pub(crate) fn link_target(folder: impl AsFd, name: &OsStr) -> io::Result<OsString> {
    Ok(OsString::from_vec(rustix::fs::readlinkat(folder, name, Vec::new())?.into_bytes()))
}

/// The hash of what is left to read of `file`.
pub(crate) fn hash(file: &mut File) -> io::Result<ContentHash> {
    let mut digest = Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(ContentHash(digest.finalize().into())),
            count => digest.update(&chunk[..count]),
        }
    }
}

/// Removes whatever is at `name` in `folder`, with all that is below it, also where its permissions say no.
pub(crate) fn remove_all(folder: impl AsFd, name: &OsStr) -> Result<(), Failure> {
    let what = || format!("{} cannot be removed", name.to_string_lossy());
    let Some(found) = stat(&folder, name).failing(what)? else { return Ok(()) };
    if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return rustix::fs::unlinkat(folder, name, AtFlags::empty()).failing(what);
    }
    if found.st_mode & 0o700 != 0o700 {
        // Between the look and this a link could only be put here by ourselves: no jail has the folder any more.
        rustix::fs::chmodat(&folder, name, Mode::from_raw_mode(0o700), AtFlags::empty()).failing(what)?;
    }
    let inner = open_folder(&folder, name).failing(what)?;
    for child in names(&inner).failing(what)? {
        remove_all(&inner, &child)?;
    }
    rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR).failing(what)
}

/// Writes `value` as JSON to `folder`/`name` so that after a crash either the old or the new text is there.
pub(crate) fn write_durably(folder: &Path, name: &str, value: &impl Serialize) -> Result<(), Failure> {
    let what = || format!("{} cannot be written", folder.join(name).display());
    let temporary = folder.join(format!("{name}.new"));
    let mut file = File::create(&temporary).failing(what)?;
    file.write_all(&serde_json::to_vec(value).failing(what)?).failing(what)?;
    file.sync_all().failing(what)?;
    std::fs::rename(&temporary, folder.join(name)).failing(what)?;
    File::open(folder).and_then(|folder| folder.sync_all()).failing(what)
}

/// A path for people: bytes that are not UTF-8 are shown as the replacement character.
pub(crate) fn shown(path: &Path) -> String {
    String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned()
}
