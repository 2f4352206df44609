//! Where the folders of a view are.

use std::path::{Path, PathBuf};

use genoa_abi::ViewId;

/// The folders of one view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewLayout {
    /// The view's own folder, in Genoa's home.
    pub folder: PathBuf,
    /// The folder below the view, which only a commit or an undo ever writes to.
    pub workspace: PathBuf,
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
}
