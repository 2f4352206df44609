//! What a tool is: a schema, and a function from a call to JSON.

use genoa_abi::schema::{
    Demand, EffectClass, Executor, Existing, Field, Moment, Needs, Parameter, RecordType, ToolSchema, Type, Yields,
};
use genoa_abi::tool::ToolRequest;
use genoa_abi::{ErrorCode, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::ffi::OsStr;
use std::fs::DirEntry;
use std::path::{Component, Path, PathBuf};

/// Entries of a folder that are looked through for one of nearly the same name.
const FOLDER_ENTRIES: usize = 10_000;

/// A built-in tool.
#[derive(Clone, Debug)]
pub struct Tool {
    /// How callers see it.
    pub schema: ToolSchema,
    /// What it does.
    pub run: fn(&Call<'_>) -> Result<Json, Failure>,
}

/// One call, with typed access to its arguments.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The request.
    pub request: &'a ToolRequest,
    /// Says how far the work is; shown to the person.
    pub progress: &'a dyn Fn(&str),
}

impl std::fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("request", self.request).finish_non_exhaustive()
    }
}

impl Call<'_> {
    /// The argument `name` as a `T`.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidInput`] if it is missing or has another shape; the kernel's check prevents both.
    pub fn argument<T: DeserializeOwned>(&self, name: &str) -> Result<T, Failure> {
        let json = self.request.arguments.get(name).cloned().unwrap_or(Json::Null);
        serde_json::from_value(json).map_err(|error| {
            Failure::new(ErrorCode::InvalidInput, format!("{}: argument `{name}`", self.request.tool)).because(error)
        })
    }

    /// The text argument `name`, or an empty text.
    ///
    /// # Errors
    /// As [`Call::argument`].
    pub fn text(&self, name: &str) -> Result<String, Failure> {
        Ok(self.argument::<Option<String>>(name)?.unwrap_or_default())
    }

    /// The list of texts `name`, or an empty list; empty texts are left out.
    ///
    /// # Errors
    /// As [`Call::argument`].
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Failure> {
        let mut texts: Vec<String> = self.argument::<Option<_>>(name)?.unwrap_or_default();
        texts.retain(|text| !text.trim().is_empty());
        Ok(texts)
    }

    /// The resolved time argument `name`, if it was given.
    ///
    /// # Errors
    /// As [`Call::argument`].
    pub fn moment(&self, name: &str) -> Result<Option<Moment>, Failure> {
        self.argument(name)
    }

    /// The workspace's path.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        Path::new(&self.request.workspace)
    }

    /// `path` as an absolute path: relative ones are taken from the workspace, `.` and `..` are resolved by name, and
    /// links may not lead out.
    ///
    /// The jail decides what can be reached; this check only gives a clear error for what lies outside.
    ///
    /// # Errors
    /// [`ErrorCode::NotGranted`] for a path outside the workspace.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, Failure> {
        self.inside(self.resolve_by_name(path)?)
    }

    /// `whole` itself, unless links on the way, or the entry itself, lead out of the workspace.
    ///
    /// # Errors
    /// [`ErrorCode::NotGranted`] where they do.
    pub fn inside(&self, whole: PathBuf) -> Result<PathBuf, Failure> {
        if real_path(&whole).starts_with(real_path(self.workspace())) {
            return Ok(whole);
        }
        Err(self.outside(&self.relative(&whole)).because("a link on the way leads out of it"))
    }

    /// As [`Call::resolve`], but for the entry itself: a link is not followed, so that it can be moved or deleted.
    ///
    /// # Errors
    /// As [`Call::resolve`]; and the workspace itself is refused.
    pub fn resolve_entry(&self, path: &str) -> Result<PathBuf, Failure> {
        let whole = self.resolve_by_name(path)?;
        let parent = whole.parent().unwrap_or(&whole);
        if whole == self.workspace() {
            return Err(Failure::new(ErrorCode::NotGranted, "the workspace itself cannot be moved or deleted"));
        }
        if real_path(parent).starts_with(real_path(self.workspace())) {
            return Ok(whole);
        }
        Err(self.outside(path).because("a link on the way leads out of it"))
    }

    fn resolve_by_name(&self, path: &str) -> Result<PathBuf, Failure> {
        if self.request.workspace.is_empty() {
            return Err(Failure::new(ErrorCode::NotGranted, "this call has no workspace"));
        }
        let whole = normalised(&self.workspace().join(path));
        if whole.starts_with(self.workspace()) { Ok(as_it_is_called(&whole)) } else { Err(self.outside(path)) }
    }

    fn outside(&self, path: &str) -> Failure {
        Failure::new(ErrorCode::NotGranted, format!("{path} is outside the workspace {}", self.request.workspace))
            .try_next("Name a path inside the workspace")
    }

    /// `path` relative to the workspace, as results show it.
    #[must_use]
    pub fn relative(&self, path: &Path) -> String {
        path.strip_prefix(self.workspace()).unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// The path that is meant: for a name that nothing has, the only entry that is shown so (with marks in place of bytes
/// that are not UTF-8), or else the only folder that is called so but for upper and lower case.
fn as_it_is_called(path: &Path) -> PathBuf {
    path.iter().fold(PathBuf::new(), |above, part| {
        let place = above.join(part);
        if place.symlink_metadata().is_ok() {
            return place;
        }
        only_entry(&above, |entry| is_shown_as(entry, part))
            .or_else(|| only_entry(&above, |entry| is_folder_called(entry, part)))
            .unwrap_or(place)
    })
}

fn is_shown_as(entry: &DirEntry, shown: &OsStr) -> bool {
    shown.to_string_lossy().contains(char::REPLACEMENT_CHARACTER)
        && OsStr::new(entry.file_name().to_string_lossy().as_ref()) == shown
}

/// Whoever says `Documents/new` means `documents/new`, and no second folder.
fn is_folder_called(entry: &DirEntry, name: &OsStr) -> bool {
    let wanted = name.to_string_lossy().to_lowercase();
    entry.file_name().to_string_lossy().to_lowercase() == wanted && entry.file_type().is_ok_and(|kind| kind.is_dir())
}

fn only_entry(folder: &Path, is_meant: impl Fn(&DirEntry) -> bool) -> Option<PathBuf> {
    let entries = folder.read_dir().ok()?.take(FOLDER_ENTRIES).flatten();
    let mut meant = entries.filter(is_meant);
    let found = meant.next()?.path();
    meant.next().is_none().then_some(found)
}

/// Links in links that are followed by name.
const LINKS: usize = 16;

/// `path` with all links resolved. Where they lead to what is not there, as everything outside is not there in a jail,
/// they are resolved by name.
fn real_path(path: &Path) -> PathBuf {
    resolved(path, LINKS)
}

fn resolved(path: &Path, links: usize) -> PathBuf {
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    let parent = resolved(parent, links);
    let place = parent.join(name);
    match place.read_link() {
        Ok(target) if links > 0 => resolved(&normalised(&parent.join(target)), links - 1),
        _ => place,
    }
}

/// `path` without `.` and `..`, by name.
fn normalised(path: &Path) -> PathBuf {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            other => whole.push(other),
        }
    }
    whole
}

/// A tool's answer as JSON.
///
/// # Errors
/// [`ErrorCode::Internal`] if the value has no JSON form: a defect.
pub fn answer(value: impl Serialize) -> Result<Json, Failure> {
    serde_json::to_value(value)
        .map_err(|error| Failure::new(ErrorCode::Internal, "the answer has no JSON form").because(error))
}

/// An error of the file system as a failure: `what` names the file and what was tried.
pub fn file_failure(what: impl Into<String>, error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => ErrorCode::NotFound,
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => ErrorCode::NotGranted,
        std::io::ErrorKind::AlreadyExists => ErrorCode::Conflict,
        _ => ErrorCode::ToolFailed,
    };
    Failure::new(code, what).because(error)
}

/// Starts a schema; the methods of [`SchemaBuilder`] add the rest.
///
/// # Panics
/// If `returns` is not a type: a defect that the first test finds.
#[must_use]
pub fn schema(name: &str, about: &str, effect: EffectClass, needs: Needs, returns: &str) -> SchemaBuilder {
    SchemaBuilder(ToolSchema {
        name: name.to_owned(),
        about: about.to_owned(),
        parameters: Vec::new(),
        returns: parse_type(returns),
        effect,
        executor: Executor::Jail,
        needs,
        phrase: String::new(),
        asked_by: Vec::new(),
        ruled_out_by: Vec::new(),
        undone_by: None,
        at_once: false,
        yields: Yields::default(),
    })
}

/// Builds a [`ToolSchema`] parameter by parameter, required ones first.
#[derive(Debug)]
pub struct SchemaBuilder(ToolSchema);

impl SchemaBuilder {
    /// Adds a parameter that a call must give.
    #[must_use]
    pub fn required(self, name: &str, ty: &str, about: &str) -> Self {
        self.parameter(name, ty, about, true)
    }

    /// Adds a parameter that a call may leave out.
    #[must_use]
    pub fn optional(self, name: &str, ty: &str, about: &str) -> Self {
        self.parameter(name, ty, about, false)
    }

    fn parameter(mut self, name: &str, ty: &str, about: &str, required: bool) -> Self {
        let parameter = Parameter::new(name, parse_type(ty), required, about);
        self.0.parameters.push(Parameter { demand: Demand::Anything, ..parameter });
        self
    }

    /// States what the labels of the parameter added last must be.
    #[must_use]
    pub fn demanding(mut self, demand: Demand) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.demand = demand;
        }
        self
    }

    /// States who could have written what it gives back.
    #[must_use]
    pub fn yielding(mut self, yields: Yields) -> Self {
        self.0.yields = yields;
        self
    }

    /// The path added last ends in one of these (words without a dot), and is told so.
    #[must_use]
    pub fn ending_in(mut self, endings: &str) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.endings = endings.split_whitespace().map(str::to_owned).collect();
            let dotted: Vec<String> = parameter.endings.iter().map(|ending| format!(".{ending}")).collect();
            parameter.about = match dotted.split_last() {
                Some((last, [])) => format!("{}, ending in {last}", parameter.about),
                Some((last, others)) => format!("{}, ending in {} or {last}", parameter.about, others.join(", ")),
                None => std::mem::take(&mut parameter.about),
            };
        }
        self
    }

    /// The text added last is what a search is about.
    #[must_use]
    pub fn topic(mut self) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.topic = true;
        }
        self
    }

    /// The text added last is a piece of what is there, letter by letter: only what looks like one is taken from the
    /// intention.
    #[must_use]
    pub fn verbatim(self) -> Self {
        let mut builder = self.topic();
        if let Some(parameter) = builder.0.parameters.last_mut() {
            parameter.verbatim = true;
        }
        builder
    }

    /// As [`SchemaBuilder::topic`], or one of these words.
    #[must_use]
    pub fn topic_or(self, words: &[&str]) -> Self {
        let mut builder = self.topic();
        if let Some(parameter) = builder.0.parameters.last_mut() {
            parameter.words = words.iter().map(|word| (*word).to_owned()).collect();
        }
        builder
    }

    /// The path added last ends in none of these.
    #[must_use]
    pub fn not_ending_in(mut self, endings: &str) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.endings = endings.split_whitespace().map(str::to_owned).collect();
            parameter.other_endings = true;
        }
        self
    }

    /// The parameter added last names what is there already: a planner takes it from the person's words.
    #[must_use]
    pub fn existing(self) -> Self {
        self.there(Existing::Entry)
    }

    /// As [`SchemaBuilder::existing`], and it is a folder.
    #[must_use]
    pub fn existing_folder(self) -> Self {
        self.there(Existing::Folder)
    }

    /// As [`SchemaBuilder::existing`], and it is something that the plan has found.
    #[must_use]
    pub fn existing_found(self) -> Self {
        self.there(Existing::Found)
    }

    fn there(mut self, exists: Existing) -> Self {
        if let Some(parameter) = self.0.parameters.last_mut() {
            parameter.exists = Some(exists);
        }
        self
    }

    /// The planner is offered the tool only for intentions with one of these: beginnings of words, or phrases, with `|` between.
    #[must_use]
    pub fn asked_by(mut self, words: &str) -> Self {
        self.0.asked_by = words.split('|').map(str::to_owned).collect();
        self
    }

    /// Ends with the sentence for the preview.
    #[must_use]
    pub fn phrase(mut self, phrase: &str) -> ToolSchema {
        phrase.clone_into(&mut self.0.phrase);
        self.0
    }
}

/// A record type from `(name, type, about)` rows.
///
/// # Panics
/// If a type is not one: a defect that the first test finds.
#[must_use]
pub fn record(name: &str, fields: &[(&str, &str, &str)]) -> RecordType {
    let field = |(name, ty, about): &(&str, &str, &str)| Field {
        name: (*name).to_owned(),
        ty: parse_type(ty),
        about: (*about).to_owned(),
    };
    RecordType {
        name: name.to_owned(),
        fields: fields.iter().map(field).collect(),
        origin: None,
        title: None,
        readers: vec![],
        look_up: None,
        read_by: None,
    }
}

fn parse_type(text: &str) -> Type {
    text.parse().unwrap_or_else(|error| panic!("a built-in schema is wrong: {error}"))
}
