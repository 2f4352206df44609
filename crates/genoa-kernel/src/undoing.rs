//! What left the machine by a tool that has a counterpart: another call can take it back, for as long as it is remembered.

use std::collections::BTreeMap;

use genoa_abi::limits::UNDOABLE_CALLS;
use genoa_abi::schema::{ToolSchema, Undoing};
use genoa_abi::{CallId, ErrorCode, Failure, Labels, SessionId, Source, Value};
use genoa_plan::value_from_json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::calls::{Begun, Invocation};
use crate::flights::Flight;
use crate::turn::{Asker, Origin, Response, Standing, Turn};

/// A call that can be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undoable {
    session: SessionId,
    /// The folder of that session; nothing of calls that were remembered before it was.
    #[serde(default)]
    workspace: String,
    tool: String,
    undoing: Undoing,
    arguments: Map<String, Json>,
    result: Json,
}

impl Turn<'_> {
    /// Remembers a call that ended well, if its tool says how it is taken back.
    pub(crate) fn remember_for_undo(
        &mut self,
        call: CallId,
        flight: &Flight,
        schema: &ToolSchema,
        arguments: &Map<String, Json>,
        result: &Json,
    ) {
        let Some(undoing) = schema.undone_by.clone() else { return };
        let (tool, session) = (schema.name.clone(), flight.session);
        let workspace = self.session(session).map(|session| session.workspace.clone()).unwrap_or_default();
        let undoable =
            Undoable { session, workspace, tool, undoing, arguments: arguments.clone(), result: result.clone() };
        let all = &mut self.kernel.undoable;
        all.insert(call, undoable);
        while all.len() > UNDOABLE_CALLS {
            all.pop_first();
        }
        self.note_deed(flight.origin, call, |deeds| &mut deeds.undoable);
    }

    /// Takes a call back: one that is still held is not carried out; one that left, by its counterpart, on the path of every
    /// call: the person sees what it would do.
    pub(crate) fn undo_call(&mut self, asker: Asker, standing: Standing, call: CallId) -> Result<Response, Failure> {
        if let Some(held) = self.place_of_held(call) {
            self.take_call_back(held);
            return Ok(Response::Now(genoa_abi::syscall::Reply::Done));
        }
        let Some(undoable) = self.kernel.undoable.get(&call).cloned() else {
            return Err(Failure::new(ErrorCode::NotFound, format!("{call} cannot be taken back"))
                .because("it was taken back already, is too long ago, or its tool names nothing that takes it back"));
        };
        let session = self.session_to_undo_in(&undoable, standing)?;
        let schema = self.schema(&undoable.undoing.tool, session)?;
        let catalog = self.kernel.catalog_of(session);
        let mut arguments = BTreeMap::new();
        for (name, place) in &undoable.undoing.arguments {
            let (Some(parameter), Some((json, labels))) = (schema.parameter(name), undoable.at(place)) else {
                return Err(Failure::new(ErrorCode::ToolFailed, format!("{call} cannot be taken back"))
                    .because(format!("its tool takes `{name}` from `{place}`, which is not there")));
            };
            arguments.insert(name.clone(), value_from_json(&parameter.ty, json, catalog, &labels)?);
        }
        let invocation = Invocation {
            origin: Origin::Syscall(asker),
            session,
            grant: standing.grant,
            tool: undoable.undoing.tool.clone(),
            arguments,
            context: Labels::none(),
            line: 0,
            undoes: Some(call),
        };
        match self.begin_call(invocation)? {
            Begun::Over(value) => Ok(Response::Now(genoa_abi::syscall::Reply::Result(Value::to_json(&value)))),
            Begun::Waiting => Ok(Response::Later),
        }
    }

    /// The session that the call was made in, while it is there: its program may be who takes the call back. Then any of the same
    /// folder.
    fn session_to_undo_in(&self, undoable: &Undoable, standing: Standing) -> Result<SessionId, Failure> {
        if self.kernel.sessions.contains_key(&undoable.session) {
            return Ok(undoable.session);
        }
        let here = &self.session(standing.session)?.workspace;
        if undoable.workspace.is_empty() || undoable.workspace == *here {
            return Ok(standing.session);
        }
        Err(Failure::new(ErrorCode::InvalidInput, format!("{} was called in another folder", undoable.tool))
            .because(format!("it was {}", undoable.workspace))
            .try_next("Take it back there, or name it with --workspace"))
    }
}

impl Undoable {
    /// What stands at a place: an argument of the call, which the person said yes to, or something of its result, which
    /// whoever carried it out could have written.
    fn at(&self, place: &str) -> Option<(&Json, Labels)> {
        let mut parts = place.split('.');
        let first = parts.next()?;
        if first != "result" {
            return self.arguments.get(place).map(|json| (json, Labels::none()));
        }
        let json = parts.try_fold(&self.result, |json, part| json.get(part))?;
        Some((json, Source::Tool(self.tool.clone()).into()))
    }
}
