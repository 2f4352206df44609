//! A folder beside the models, in which a model is made and tried before it is one of them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use genoa_abi::{ErrorCode, Failure};

use crate::foreign::Foreign;
use crate::limits::DISK_RESERVE_BYTES;
use crate::store::{self, Installed, storage};

/// No model has this name.
const FOLDER: &str = ".workbench";

/// The folder, held by one process at a time. It goes with this value; what a process that was killed left in it goes with the next.
#[derive(Debug)]
pub struct Workbench {
    folder: PathBuf,
    _lock: File,
}

impl Workbench {
    /// The name of the file that is written, in [`Self::output`].
    pub const WRITTEN: &str = "written.gguf";

    /// Makes it beside the models of `models`, where there is room for `needed` bytes.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] while another process has it, [`ErrorCode::StorageFailed`].
    pub fn open(models: &Path, needed: u64) -> Result<Self, Failure> {
        let folder = models.join(FOLDER);
        let made = |path: &Path| fs::create_dir_all(path).map_err(|error| storage("cannot make", path, &error));
        made(&folder)?;
        let lock = store::lock(&folder.join("lock"), || {
            Failure::new(ErrorCode::Conflict, "a model is being made already").try_next("Wait until that ends")
        })?;
        let bench = Self { folder, _lock: lock };
        for part in [bench.models(), bench.output()] {
            match fs::remove_dir_all(&part) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(storage("cannot empty", &part, &error));
                }
                _ => made(&part)?,
            }
        }
        store::check_space(&bench.folder, needed, DISK_RESERVE_BYTES)?;
        Ok(bench)
    }

    /// The models that were made here.
    #[must_use]
    pub fn models(&self) -> PathBuf {
        self.folder.join("models")
    }

    /// The folder that whoever makes a model may write to. Nothing that is there is believed, but for what [`Self::take_in`] reads.
    #[must_use]
    pub fn output(&self) -> PathBuf {
        self.folder.join("output")
    }

    /// Makes what was written a model of [`Self::models`].
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] for what is no model, [`ErrorCode::StorageFailed`].
    pub fn take_in(&self, name: &str, foreign: &dyn Foreign) -> Result<Installed, Failure> {
        store::take_in(&self.models(), name, &self.output().join(Self::WRITTEN), foreign)
    }

    /// Moves a model that was made here to the others.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] for a name that is taken there, [`ErrorCode::StorageFailed`].
    pub fn install(&self, made: &Installed, models: &Path) -> Result<Installed, Failure> {
        store::must_be_free(models, &made.name)?;
        let (from, to) = (self.models().join(&made.name), models.join(&made.name));
        // An empty folder may be there, of a model that was removed; a rename takes its place.
        fs::rename(&from, &to).map_err(|error| storage("cannot keep", &to, &error))?;
        store::find(models, &made.name)
    }
}

impl Drop for Workbench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use genoa_abi::ErrorCode;

    use super::Workbench;
    use crate::foreign::InThisProcess;
    use crate::store;

    #[test]
    fn what_is_no_model_is_not_taken_in() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Workbench::open(folder.path(), 0).unwrap();
        fs::write(bench.output().join(Workbench::WRITTEN), "GGUF, or so it says").unwrap();
        let failure = bench.take_in("made", &InThisProcess).unwrap_err();
        assert_eq!(failure.code, ErrorCode::InvalidInput);
        assert!(store::list(&bench.models()).unwrap().is_empty());
        assert!(store::list(folder.path()).unwrap().is_empty(), "the workbench is no model");
    }

    #[test]
    fn one_works_at_a_time_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let bench = Workbench::open(folder.path(), 0).unwrap();
        assert_eq!(Workbench::open(folder.path(), 0).unwrap_err().code, ErrorCode::Conflict);
        drop(bench);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // As a process that was killed leaves it.
        let left = folder.path().join(".workbench/output/written.gguf");
        fs::create_dir_all(left.parent().unwrap()).unwrap();
        fs::write(&left, "half of a model").unwrap();
        let bench = Workbench::open(folder.path(), 0).unwrap();
        assert!(!left.exists());
        assert_eq!(Workbench::open(folder.path(), u64::MAX / 2).unwrap_err().code, ErrorCode::Conflict);
        drop(bench);
        assert_eq!(Workbench::open(folder.path(), u64::MAX / 2).unwrap_err().code, ErrorCode::StorageFailed);
    }
}
