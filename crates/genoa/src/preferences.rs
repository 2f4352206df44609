//! Which notices the person wants to see, as the tool `settings.set` keeps it in the workspace.
//!
//! Only what was committed counts: a change that waits in a view is not the person's yet. The file may be foreign (the
//! workspace may be a copy of somebody else's), so it is not parsed: two lines of the form that the tool writes are
//! looked for, and everything else in it means nothing here. Preferences for certain situations are for those who know
//! the situation; a terminal does not.

use std::io::Read;
use std::path::Path;

use genoa_abi::session::Weight;

/// Where the preferences are, in the workspace.
const FOLDER: &str = ".genoa";
const FILE: &str = "settings.toml";
/// Of a longer file, this is the beginning that counts.
const FILE_BYTES: u64 = 64 * 1024;

/// What of the preferences is about notices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    notices: Notices,
    quiet: Option<Hours>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Notices {
    #[default]
    On,
    Important,
    Off,
}

/// A part of the day, in minutes since midnight; over midnight, if it ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hours {
    from: u32,
    until: u32,
}

impl Preferences {
    /// What was committed in `workspace`. Without a file, or with one that says something else, notices are shown.
    pub(crate) fn of(workspace: &Path) -> Self {
        text(workspace).map(|text| Self::read(&text)).unwrap_or_default()
    }

    fn read(text: &str) -> Self {
        let settings = text.lines().skip_while(|line| line.trim() != "[settings]").skip(1);
        let mut found = Self::default();
        for line in settings.take_while(|line| !line.starts_with('[')) {
            let Some((name, value)) = line.split_once('=') else { continue };
            let value = value.trim().trim_matches(['"', '\'']);
            match (name.trim(), value) {
                ("notifications", "important") => found.notices = Notices::Important,
                ("notifications", "off") => found.notices = Notices::Off,
                ("quiet_hours", span) => found.quiet = Hours::read(span),
                _ => {}
            }
        }
        found
    }

    /// Whether a notice is shown at this minute of the day.
    pub(crate) fn show(&self, weight: Weight, minute: u32) -> bool {
        let is_wanted = match self.notices {
            Notices::On => true,
            Notices::Important => weight == Weight::Important,
            Notices::Off => false,
        };
        is_wanted && !self.quiet.is_some_and(|quiet| quiet.hold(minute))
    }
}

impl Hours {
    /// `22:00-07:00`; nothing for words that only a person understands.
    fn read(text: &str) -> Option<Self> {
        let minute = |time: &str| {
            let (hour, minute) = time.trim().split_once(':')?;
            let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let (from, until) = text.split_once('-')?;
        let hours = Self { from: minute(from)?, until: minute(until)? };
        (hours.from != hours.until).then_some(hours)
    }

    fn hold(self, minute: u32) -> bool {
        if self.from < self.until {
            (self.from..self.until).contains(&minute)
        } else {
            minute >= self.from || minute < self.until
        }
    }
}

/// The beginning of the file. A link is not followed: it would lead out of the workspace.
fn text(workspace: &Path) -> Option<String> {
    let folder = workspace.join(FOLDER);
    let path = folder.join(FILE);
    if !folder.symlink_metadata().ok()?.is_dir() || !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(FILE_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use genoa_abi::session::Weight::{Important, Usual};

    use super::Preferences;

    /// Whether a usual and an important notice are shown at `hour`.
    fn shown(text: &str, hour: u32) -> (bool, bool) {
        let preferences = Preferences::read(text);
        (preferences.show(Usual, hour * 60), preferences.show(Important, hour * 60))
    }

    #[test]
    fn notices_are_shown_as_the_person_prefers() {
        assert_eq!(shown("", 12), (true, true));
        assert_eq!(shown("[settings]\nnotifications = \"on\"\n", 12), (true, true));
        assert_eq!(shown("[settings]\nnotifications = \"important\"\ntheme = \"dark\"\n", 12), (false, true));
        assert_eq!(shown("[settings]\nnotifications = 'off'\n", 12), (false, false));
    }

    #[test]
    fn nothing_is_shown_in_quiet_hours() {
        let night = "[settings]\nquiet_hours = \"22:00-07:00\"\n";
        for (hour, expected) in [(21, true), (22, false), (0, false), (6, false), (7, true)] {
            assert_eq!(shown(night, hour), (expected, expected), "{hour}");
        }
        let noon = "[settings]\nquiet_hours = \"12:00-13:00\"\n";
        for (hour, expected) in [(11, true), (12, false), (13, true)] {
            assert_eq!(shown(noon, hour), (expected, expected), "{hour}");
        }
        for words in ["during lunch", "22-7", "25:00-07:00", "12:00-12:00", "-", "22:00-07:00-08:00", "\u{0}"] {
            assert_eq!(shown(&format!("[settings]\nquiet_hours = \"{words}\"\n"), 12), (true, true), "{words}");
        }
    }

    #[test]
    fn only_what_holds_always_counts() {
        let rule = "[settings]\ntone = \"short\"\n\n[[rule]]\nname = \"notifications\"\nnotifications = \"off\"\nwhen = \"x\"\n";
        assert_eq!(shown(rule, 12), (true, true));
        assert_eq!(shown("notifications = \"off\"\n[other]\nnotifications = \"off\"\n", 12), (true, true));
    }

    #[test]
    fn a_file_that_is_none_means_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Preferences::of(folder.path());
        assert_eq!(read(), Preferences::default());
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("settings.toml"), "[settings]\nnotifications = \"off\"\n").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join(".genoa")).unwrap();
        assert_eq!(read(), Preferences::default(), "a link that leads outside");
        std::fs::remove_file(folder.path().join(".genoa")).unwrap();
        std::fs::create_dir_all(folder.path().join(".genoa/settings.toml")).unwrap();
        assert_eq!(read(), Preferences::default(), "a folder of that name");
        std::fs::remove_dir(folder.path().join(".genoa/settings.toml")).unwrap();
        std::fs::copy(outside.path().join("settings.toml"), folder.path().join(".genoa/settings.toml")).unwrap();
        assert_ne!(read(), Preferences::default());
        std::fs::write(folder.path().join(".genoa/settings.toml"), b"\xff\xfe[settings]\n\xff").unwrap();
        assert_eq!(read(), Preferences::default());
    }
}
