//! One writer per journal: a lock file that the operating system releases when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use genoa_abi::{ErrorCode, Failure};

use crate::failures;

/// Held for as long as the journal is open.
#[derive(Debug)]
pub(crate) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock at `path` and writes the own process id into it.
    ///
    /// # Errors
    /// `Conflict` if another process holds it, with its id; `StorageFailed` if the file cannot be made.
    pub(crate) fn take(path: &Path) -> Result<Self, Failure> {
        let fail = failures::file("cannot lock", path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(&fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held_by_another(file)),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        file.set_len(0).map_err(&fail)?;
        writeln!(file, "{}", std::process::id()).map_err(&fail)?;
        Ok(Self { _file: file })
    }
}

fn held_by_another(file: File) -> Failure {
    let mut text = String::new();
    let read = file.take(20).read_to_string(&mut text);
    let holder = match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("process {pid}"),
        _ => "another process".to_owned(),
    };
    Failure::new(ErrorCode::Conflict, "this home's journal is in use")
        .because(format!("{holder} writes it, and there can be only one writer"))
        .try_next("Use the daemon that runs, or stop it first")
}
