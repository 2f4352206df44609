//! Which program's source a call means: the folder that it names, the workspace, or the only project below it.

use std::path::{Path, PathBuf};

use genoa_abi::{ErrorCode, Failure};

use crate::tool::Call;
use crate::{lookup, walk};

/// Projects that a failure names.
const NAMED: usize = 20;

/// What the argument `project` names, or the workspace. Of folders with the same name, one that holds `mark` is meant.
///
/// # Errors
/// As [`lookup::folder`].
pub(crate) fn named(call: &Call<'_>, mark: &str) -> Result<PathBuf, Failure> {
    let named = call.text("project")?;
    match lookup::folder_with(call, &named, mark) {
        Err(failure) if failure.code == ErrorCode::NotFound => lookup::folder(call, &named),
        found => found,
    }
}

/// The innermost folder of the workspace that holds `mark`, from `folder` upwards.
pub(crate) fn around(call: &Call<'_>, folder: &Path, mark: &str) -> Option<PathBuf> {
    let mut folders = folder.ancestors().take_while(|folder| folder.starts_with(call.workspace()));
    folders.find(|folder| folder.join(mark).exists()).map(Path::to_owned)
}

/// The only folder below `folder` that holds `mark`. What lies below another such folder belongs to that one.
///
/// # Errors
/// [`ErrorCode::Ambiguous`] if there are several, [`ErrorCode::TooLarge`] if there is too much to look at.
pub(crate) fn below(call: &Call<'_>, folder: &Path, mark: &str) -> Result<Option<PathBuf>, Failure> {
    let mut projects: Vec<PathBuf> = walk::entries(folder)?
        .into_iter()
        .filter(|entry| entry.metadata.is_dir() && entry.path.join(mark).exists())
        .map(|entry| entry.path)
        .collect();
    let all = projects.clone();
    projects.retain(|project| !all.iter().any(|other| other != project && project.starts_with(other)));
    if projects.len() > 1 {
        let names: Vec<String> = projects.iter().take(NAMED).map(|project| call.relative(project)).collect();
        return Err(Failure::new(ErrorCode::Ambiguous, format!("there are {} projects", projects.len()))
            .because(names.join(", "))
            .try_next("Name one as `project`")
            .with_options(names));
    }
    Ok(projects.pop())
}
