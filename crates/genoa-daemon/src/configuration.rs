//! Notices that the person changed the configuration, and tells the kernel what there is now.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use genoa_abi::event::Event;

use crate::config::Configured;
use crate::daemon::Daemon;
use crate::home::Home;

/// How the configuration's files stood when they were read last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Option<FileStamp>>);

/// Another file of that name, another size or another time is another content.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileStamp {
    number: u64,
    size: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamp {
    pub(crate) fn of(home: &Home) -> Self {
        // A file in the folder is replaced as a whole, which changes the folder.
        Self(vec![stamp(&home.config()), stamp(&home.mcp()), stamp(&home.policy())])
    }

    /// The same with these files and folders.
    pub(crate) fn and_of(mut self, watched: &[PathBuf]) -> Self {
        self.0.extend(watched.iter().map(|path| stamp(path)));
        self
    }
}

fn stamp(path: &Path) -> Option<FileStamp> {
    let found = path.metadata().ok()?;
    Some(FileStamp { number: found.ino(), size: found.size(), seconds: found.mtime(), nanoseconds: found.mtime_nsec() })
}

impl Daemon {
    /// Reads the configuration again if its files changed. One that cannot be read changes nothing.
    pub(crate) fn look_at_the_configuration(&mut self) {
        let own = Stamp::of(&self.config.home);
        let found = own.clone().and_of(&self.watched);
        if found == self.configuration {
            return;
        }
        match (self.config.configured)(&self.config.home) {
            Ok(Configured { installation, thinking, watched }) => {
                self.configuration = own.and_of(&watched);
                self.watched = watched;
                self.inbox.push_back(Event::Configured(installation));
                self.think_with(thinking);
            }
            Err(failure) => {
                self.configuration = found;
                self.children.note(&format!("the configuration stays as it was: {failure}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;
    use crate::home::Home;

    #[test]
    fn every_change_of_the_file_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::resolve(|name| (name != "XDG_DATA_HOME").then(|| folder.path().into())).unwrap();
        let absent = Stamp::of(&home);
        std::fs::write(home.config(), "[person]").unwrap();
        let first = Stamp::of(&home);
        assert_ne!(absent, first);
        assert_eq!(first, Stamp::of(&home));
        // The same bytes in another file: somebody replaced it.
        let other = folder.path().join("other");
        std::fs::write(&other, "[person]").unwrap();
        std::fs::rename(other, home.config()).unwrap();
        let second = Stamp::of(&home);
        assert_ne!(first, second);
        // A server was asked again.
        std::fs::create_dir(home.mcp()).unwrap();
        let third = Stamp::of(&home);
        assert_ne!(second, third);
        // A file that the configuration names, which comes and changes.
        let key = folder.path().join("key");
        let with_key = || third.clone().and_of(std::slice::from_ref(&key));
        let without = with_key();
        assert_ne!(third, without, "another list is another stamp");
        std::fs::write(&key, "one").unwrap();
        assert_ne!(without, with_key());
    }
}
