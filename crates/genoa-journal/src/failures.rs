//! Database and file errors as failures that say what to do next.

use std::io;
use std::path::Path;

use genoa_abi::{ErrorCode, Failure};
use rusqlite::ffi;

/// Turns a database error into a failure of the operation `what`.
pub(crate) fn database(what: &str) -> impl Fn(rusqlite::Error) -> Failure {
    let what = what.to_owned();
    move |error| {
        let (code, next) = match error.sqlite_error_code() {
            Some(ffi::ErrorCode::DiskFull) => {
                (ErrorCode::StorageFailed, "Free space on the disk that holds the journal")
            }
            Some(ffi::ErrorCode::SystemIoFailure) => {
                (ErrorCode::StorageFailed, "Check the disk that holds the journal: space, quota, health")
            }
            Some(ffi::ErrorCode::ReadOnly | ffi::ErrorCode::CannotOpen | ffi::ErrorCode::PermissionDenied) => {
                (ErrorCode::StorageFailed, "Check the permissions of the journal's folder and files")
            }
            Some(ffi::ErrorCode::DatabaseCorrupt | ffi::ErrorCode::NotADatabase) => (
                ErrorCode::StorageFailed,
                "The file is damaged; restore it from a backup, or move it away to begin anew",
            ),
            Some(ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked) => {
                (ErrorCode::Conflict, "Another program holds the journal; end it")
            }
            _ => (ErrorCode::Internal, ""),
        };
        Failure::new(code, what.clone()).because(error).try_next(next)
    }
}

/// Turns a file error into a failure of the operation `what` on `path`.
pub(crate) fn file<'a>(what: &'a str, path: &'a Path) -> impl Fn(io::Error) -> Failure + 'a {
    move |error| Failure::new(ErrorCode::StorageFailed, format!("{what} {}", path.display())).because(error)
}

/// Something that is stored is not what was written.
pub(crate) fn damaged(what: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::StorageFailed, what).try_next(
        "The journal was altered or the disk is failing; `genoa journal verify` finds the first broken record",
    )
}
