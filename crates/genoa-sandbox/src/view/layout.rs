//! The life of a view: where its folders are, opening and discarding it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use genoa_abi::view::ViewState;
use genoa_abi::{ErrorCode, Failure, ViewId};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::view::tree::{self, FailureExt};

/// How often opening a view looks at the clock, a quarter of a millisecond apart. A tick is at most ten.
const TICK_WAITS: u32 = 100;

/// The folders of one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewLayout {
    /// The view's own folder, in Genoa's home.
    pub folder: PathBuf,
    /// The folder below the view, which only a commit or an undo ever writes to.
    pub workspace: PathBuf,
}

/// What is remembered of a view, in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memo {
    pub(crate) workspace: PathBuf,
    /// Files of the workspace that were touched at or after this moment were touched after the view was opened.
    pub(crate) opened_ns: i128,
    pub(crate) state: ViewState,
}

impl ViewLayout {
    /// The view `view` of Genoa's folder `home`, above `workspace`.
    #[must_use]
    pub fn new(home: &Path, view: ViewId, workspace: &Path) -> Self {
        Self { folder: home.join("views").join(view.to_string()), workspace: workspace.to_owned() }
    }

    /// What collects the changes.
    #[must_use]
    pub fn upper(&self) -> PathBuf {
        self.folder.join("upper")
    }

    /// Room that the kernel needs beside [`ViewLayout::upper`].
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// What a commit replaced.
    #[must_use]
    pub fn before(&self) -> PathBuf {
        self.folder.join("before")
    }

    /// Makes the folders. Opening an open view again changes nothing.
    ///
    /// Waits for the next tick of the file system's clock (a few milliseconds), so that a change in the workspace can be
    /// told to be before or after.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if the workspace is not a folder, [`ErrorCode::Internal`] if the folders cannot be made.
    pub fn open(&self) -> Result<(), Failure> {
        if self.folder.join("view.json").exists() {
            return Ok(());
        }
        if !self.workspace.is_dir() {
            return Err(Failure::new(ErrorCode::NotFound, format!("there is no folder {}", self.workspace.display())));
        }
        for folder in [self.upper(), self.work(), self.before()] {
            fs::create_dir_all(&folder).failing(|| format!("the folder {} cannot be made", folder.display()))?;
        }
        // What is new at the top of a view belongs to the workspace's own permissions.
        let permissions = fs::metadata(&self.workspace).failing(|| "the workspace cannot be read")?.permissions();
        fs::set_permissions(self.upper(), permissions).failing(|| "the view's folder cannot be set up")?;
        let opened_ns = next_tick_ns();
        self.remember(&Memo { workspace: self.workspace.clone(), opened_ns, state: ViewState::Open })
    }

    /// Throws the changes away. The workspace is not touched.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] if the view was committed (undo it instead), [`ErrorCode::Internal`] if files resist.
    pub fn discard(&self) -> Result<(), Failure> {
        let mut memo = self.memo()?;
        match memo.state {
            ViewState::Open => memo.state = ViewState::Dropped,
            ViewState::Committed => return Err(self.wrong_state(memo.state)),
            ViewState::Dropped | ViewState::Undone => {}
        }
        self.remember(&memo)?;
        self.clear(&["upper", "work", "before"])
    }

    /// Where the view is in its life.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if it was never opened.
    pub fn state(&self) -> Result<ViewState, Failure> {
        Ok(self.memo()?.state)
    }

    pub(crate) fn memo(&self) -> Result<Memo, Failure> {
        let text = fs::read(self.folder.join("view.json")).map_err(|error| {
            Failure::new(ErrorCode::NotFound, format!("there is no view in {}", self.folder.display())).because(error)
        })?;
        serde_json::from_slice(&text)
            .failing(|| format!("the record of the view in {} is damaged", self.folder.display()))
    }

    pub(crate) fn remember(&self, memo: &Memo) -> Result<(), Failure> {
        tree::write_durably(&self.folder, "view.json", memo)
    }

    pub(crate) fn wrong_state(&self, state: ViewState) -> Failure {
        let state = match state {
            ViewState::Open => "still open",
            ViewState::Committed => "committed already",
            ViewState::Dropped => "dropped already",
            ViewState::Undone => "undone already",
        };
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Failure::new(ErrorCode::Conflict, format!("the view {name} is {state}"))
    }

    pub(crate) fn clear(&self, names: &[&str]) -> Result<(), Failure> {
        let folder = tree::open_root(&self.folder)?;
        names.iter().try_for_each(|name| tree::remove_all(&folder, name.as_ref()))
    }
}

/// The clock that stamps files moves in ticks and lags behind the exact one. Once it has passed the exact time of now,
/// its value is after every earlier stamp and not after any later one. If it does not get there (somebody sets the
/// clock), the value is too small, and a view has more conflicts than it should: the safe side.
fn next_tick_ns() -> i128 {
    let time_ns = |clock| {
        let time = clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    let start = time_ns(ClockId::Realtime);
    for _ in 0..TICK_WAITS {
        if time_ns(ClockId::RealtimeCoarse) > start {
            break;
        }
        std::thread::sleep(Duration::from_micros(250));
    }
    time_ns(ClockId::RealtimeCoarse)
}
