//! A workspace and a clock for the tests of tools; every answer is checked against its schema.

use std::collections::BTreeSet;
use std::path::Path;

use genoa_abi::ids::CallId;
use genoa_abi::schema::Catalog;
use genoa_abi::tool::{Clock, Person, ToolRequest};
use genoa_abi::{ErrorCode, Failure};
use serde_json::{Value as Json, json};

use crate::tool::Call;

/// A workspace in a temporary folder. Its clock stands at Monday, 23 November 2026, 09:00 in Oslo.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    person: Person,
    named: BTreeSet<String>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let person = Person { name: "Nora Lindqvist".into(), email: "nora@fjordlight.example".into() };
        Self { folder: tempfile::tempdir().unwrap(), person, named: BTreeSet::new() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The same for a person of whom nothing is known.
    pub(crate) fn of_nobody(self) -> Self {
        Self { person: Person::default(), ..self }
    }

    /// The same in a run that has read a file under this name.
    pub(crate) fn having_read(mut self, name: &str) -> Self {
        self.named.insert(name.to_owned());
        self
    }

    pub(crate) fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, content);
        self
    }

    pub(crate) fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let whole = self.path().join(path);
        std::fs::create_dir_all(whole.parent().unwrap()).unwrap();
        std::fs::write(whole, content).unwrap();
    }

    pub(crate) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.path().join(path)).unwrap()
    }

    pub(crate) fn call(&self, tool: &str, arguments: Json) -> Result<Json, Failure> {
        self.call_and_hear(tool, arguments, &|_| {})
    }

    /// What the person is told while a call that succeeds goes on, line by line.
    pub(crate) fn said(&self, tool: &str, arguments: Json) -> String {
        let said = std::cell::RefCell::new(String::new());
        let hear = |line: &str| said.borrow_mut().push_str(&format!("{line}\n"));
        self.call_and_hear(tool, arguments, &hear).unwrap_or_else(|failure| panic!("{tool}: {failure}"));
        said.into_inner()
    }

    fn call_and_hear(&self, tool: &str, arguments: Json, progress: &dyn Fn(&str)) -> Result<Json, Failure> {
        let tools = crate::tools();
        let tool = tools.iter().find(|candidate| candidate.schema.name == tool).unwrap();
        let records = crate::records().into_iter().chain(system_records());
        let catalog = Catalog::new(tools.iter().map(|tool| tool.schema.clone()), records);
        let Json::Object(arguments) = arguments else { panic!("arguments are an object") };
        for (name, value) in &arguments {
            catalog.fits(&tool.schema.parameter(name).unwrap().ty, value).unwrap();
        }
        let request = self.request(&tool.schema.name, arguments);
        let result = (tool.run)(&Call { request: &request, progress })?;
        catalog.fits(&tool.schema.returns, &result).unwrap();
        Ok(result)
    }

    fn request(&self, tool: &str, arguments: serde_json::Map<String, Json>) -> ToolRequest {
        ToolRequest {
            call: CallId(7),
            tool: tool.to_owned(),
            key: None,
            arguments,
            named: self.named.clone(),
            workspace: self.path().to_str().unwrap().to_owned(),
            person: self.person.clone(),
            clock: Clock { now: "2026-11-23T09:00:00+01:00".into(), timezone: "Europe/Oslo".into() },
            mcp: None,
        }
    }

    /// What something gives that needs a call, whatever its tool.
    pub(crate) fn with_call<T>(&self, run: impl FnOnce(&Call<'_>) -> T) -> T {
        run(&Call { request: &self.request("test", serde_json::Map::new()), progress: &|_| {} })
    }

    pub(crate) fn ok(&self, tool: &str, arguments: Json) -> Json {
        self.call(tool, arguments).unwrap_or_else(|failure| panic!("{tool}: {failure}"))
    }

    /// The values of one field of a list of records.
    pub(crate) fn column(&self, tool: &str, arguments: Json, field: &str) -> Vec<String> {
        let result = self.ok(tool, arguments);
        result.as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn refused(&self, tool: &str, arguments: Json) -> ErrorCode {
        self.call(tool, arguments).unwrap_err().code
    }
}

/// A resolved time argument.
pub(crate) fn moment(start: &str, end: &str) -> Json {
    json!({ "words": "then", "start": start, "end": end })
}

/// Record types that are not of tools but of the system's own functions.
pub(crate) fn system_records() -> Vec<genoa_abi::schema::RecordType> {
    let fields = [("about", "str", ""), ("text", "str", ""), ("source", "str", ""), ("path", "path?", "")];
    vec![crate::tool::record("Fact", &fields)]
}
