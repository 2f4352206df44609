//! The one path of every call, whether a plan makes it or a syscall: schema, grant, budget, effect class, then the
//! work.

use std::collections::BTreeMap;

use genoa_abi::event::ToolJob;
use genoa_abi::grant::{Access, Right};
use genoa_abi::labels::Source;
use genoa_abi::limits::{CALL_GRACE_MS, TOOL_MS, TOOL_RESULT_BYTES};
use genoa_abi::policy::Verdict;
use genoa_abi::schema::{Catalog, Executor, FileNeed, Parameter, ToolSchema, Type, Yields};
use genoa_abi::session::{OutboxState, OutgoingCall};
use genoa_abi::syscall::Caller;
use genoa_abi::tool::{ToolOutcome, ToolUsage};
use genoa_abi::{CallId, Datum, ErrorCode, Failure, GrantId, Labels, Readers, SessionId, Timestamp, Value};
use genoa_plan::{argument_to_json, value_from_json, value_of_agent};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::approvals::Ask;
use crate::flights::{Flight, Work};
use crate::grants::Amount;
use crate::questions::Purpose;
use crate::render;
use crate::system;
use crate::turn::{Asker, Origin, Response, Standing, Turn, too_large};

/// A call that passed the checks: what an approval is about, and what is then carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) origin: Origin,
    pub(crate) session: SessionId,
    pub(crate) grant: GrantId,
    pub(crate) schema: ToolSchema,
    /// As the tool gets them.
    pub(crate) arguments: Map<String, Json>,
    /// As the plan has them, with their labels.
    pub(crate) values: BTreeMap<String, Value>,
    /// Who could have influenced that it is made at all.
    #[serde(default)]
    pub(crate) context: Labels,
    pub(crate) line: u32,
    /// Content of the attached files when the approval was asked for.
    pub(crate) attached: BTreeMap<String, Option<genoa_abi::ContentHash>>,
    /// The fingerprints of the calls after it that are asked about together with it.
    #[serde(default)]
    pub(crate) alike: Vec<genoa_abi::ContentHash>,
    /// The call that it takes back.
    #[serde(default)]
    pub(crate) undoes: Option<CallId>,
    /// When the person said yes to it; nothing where nobody had to.
    #[serde(default)]
    pub(crate) approved: Option<Timestamp>,
}

/// Who calls what.
pub(crate) struct Invocation {
    pub(crate) origin: Origin,
    pub(crate) session: SessionId,
    pub(crate) grant: GrantId,
    pub(crate) tool: String,
    pub(crate) arguments: BTreeMap<String, Value>,
    /// Who could have influenced that it is made at all.
    pub(crate) context: Labels,
    pub(crate) line: u32,
    /// The call that it takes back.
    pub(crate) undoes: Option<CallId>,
}

/// How a call began.
pub(crate) enum Begun {
    /// It is over already.
    Over(Value),
    /// Its end will be told by [`Turn::call_ended`].
    Waiting,
}

impl Turn<'_> {
    pub(crate) fn call_tool(
        &mut self,
        asker: Asker,
        standing: Standing,
        tool: &str,
        arguments: &Map<String, Json>,
    ) -> Result<Response, Failure> {
        let schema = self.schema(tool, standing.session)?;
        let heard = self.heard_by(standing.agent);
        let catalog = self.kernel.catalog_of(standing.session);
        let mut values = BTreeMap::new();
        for (name, json) in arguments {
            let parameter = schema.parameter(name).ok_or_else(|| unknown_argument(&schema, name))?;
            values.insert(name.clone(), argument_value(parameter, json, catalog, &heard)?);
        }
        let begun = self.begin_call(Invocation {
            origin: Origin::Syscall(asker),
            session: standing.session,
            grant: standing.grant,
            tool: tool.to_owned(),
            arguments: values,
            context: heard,
            line: 0,
            undoes: None,
        })?;
        match begun {
            Begun::Over(value) => {
                self.note_deed(Origin::Syscall(asker), tool.to_owned(), |deeds| &mut deeds.calls);
                self.tell_agent_of(asker.caller, &value.deep_labels());
                Ok(Response::Now(genoa_abi::syscall::Reply::Result(value.to_json())))
            }
            Begun::Waiting => Ok(Response::Later),
        }
    }

    /// Checks a call and begins it.
    pub(crate) fn begin_call(&mut self, invocation: Invocation) -> Result<Begun, Failure> {
        let mut order = self.check_call(invocation)?;
        let unmet = self.unmet(&order)?;
        let decision = self.put_to_the_rules(&order, &unmet)?;
        if decision.verdict == Verdict::Allow {
            return self.carry_out(order);
        }
        order.attached = self.attached(&order);
        let mut ask = Ask::new(order, &unmet, &decision)?;
        ask.order.approved = self.take_approval(ask.order.origin, ask.fingerprint);
        match ask.order.approved {
            Some(_) => self.carry_out(ask.order),
            None => self.ask_for_approval(ask),
        }
    }

    /// Does what was ordered: in a jail, by asking the model, or in the kernel itself. What leaves the machine is held first.
    pub(crate) fn carry_out(&mut self, order: Order) -> Result<Begun, Failure> {
        match order.schema.executor {
            Executor::Kernel if order.schema.name == system::MAIL_SEND => self.hold_message(&order),
            Executor::Kernel => self.call_function(&order),
            Executor::Model => self.begin_reading(&order),
            Executor::Jail | Executor::Client if self.is_held_first(&order.schema) => self.hold_call(order),
            Executor::Jail | Executor::Client => self.run_tool(order, None),
        }
    }

    /// Goes on with a call after its approval. The world may have changed meanwhile, so grant and rules are asked again.
    pub(crate) fn carry_out_approved(&mut self, mut order: Order) {
        order.approved = Some(self.now);
        let (origin, tool) = (order.origin, order.schema.name.clone());
        self.approve_alike(&order);
        let begun = self
            .permit(order.grant, &order.schema, &order.arguments, order.session)
            .and_then(|()| self.check_attached(&order))
            .and_then(|()| self.unmet(&order))
            .and_then(|unmet| self.put_to_the_rules(&order, &unmet))
            .and_then(|_| self.carry_out(order));
        match begun {
            Ok(Begun::Waiting) => {}
            Ok(Begun::Over(value)) => {
                if let Origin::Syscall(_) = origin {
                    self.note_deed(origin, tool, |deeds| &mut deeds.calls);
                }
                self.call_ended(origin, Ok(value));
            }
            Err(failure) => self.call_ended(origin, Err(failure)),
        }
    }

    /// Gives the end of a call to whoever made it.
    pub(crate) fn call_ended(&mut self, origin: Origin, outcome: Result<Value, Failure>) {
        match origin {
            Origin::Syscall(asker) => {
                if let Ok(value) = &outcome {
                    self.tell_agent_of(asker.caller, &value.deep_labels());
                }
                self.reply(asker, outcome.map(|value| genoa_abi::syscall::Reply::Result(value.to_json())));
            }
            Origin::Run(run) => self.resume(run, outcome),
            Origin::Reading { .. } | Origin::Nobody => {}
        }
    }

    pub(crate) fn tool_finished(&mut self, call: CallId, outcome: ToolOutcome, usage: ToolUsage) {
        let Some(flight) = self.land(call, |work| matches!(work, Work::Tool(_))) else { return };
        let used = Amount { calls: 1, bytes: usage.bytes, tokens: 0, elapsed_ms: usage.elapsed_ms };
        let has_bytes = flight.grant.is_none_or(|grant| self.kernel.grants.remaining(grant).bytes >= usage.bytes);
        self.settle(&flight, used);
        let Work::Tool(job) = &flight.work else { return };
        let is_done = matches!(outcome, ToolOutcome::Done { .. });
        self.note_call_left(call, if is_done { OutboxState::Sent } else { OutboxState::Failed });
        let (outcome, wrote, marks) = match outcome {
            ToolOutcome::Done { result, wrote, marks } => (Ok(result), wrote, marks),
            ToolOutcome::Failed { failure, wrote } => (Err(failure), wrote, Vec::new()),
        };
        self.note_written(job.view, &wrote);
        self.note_run_wrote(flight.origin, wrote);
        if let Ok(result) = &outcome {
            self.remember_for_undo(call, &flight, &job.schema, &job.arguments, result);
            self.note_run_read(flight.origin, job);
            if let Origin::Syscall(_) = flight.origin {
                self.note_deed(flight.origin, job.schema.name.clone(), |deeds| &mut deeds.calls);
            }
        }
        let value = outcome.and_then(|result| {
            if !has_bytes {
                return Err(Failure::new(ErrorCode::BudgetSpent, "the budget of bytes is used up")
                    .because(format!("{} returned {} bytes", job.schema.name, usage.bytes)));
            }
            let mut value = check_result(call, &job.schema, &result, self.kernel.catalog_of(flight.session))?;
            genoa_plan::mark(&mut value, &marks);
            Ok(value)
        });
        if let (Err(_), Origin::Syscall(asker)) = (&value, flight.origin) {
            // What went wrong may be told in words that were read.
            self.tell_agent_of(asker.caller, &Source::Tool(job.schema.name.clone()).into());
        }
        self.call_ended(flight.origin, value);
    }

    /// The tool of a session called `name`.
    pub(crate) fn schema(&self, name: &str, session: SessionId) -> Result<ToolSchema, Failure> {
        self.kernel.catalog_of(session).tools.get(name).cloned().ok_or_else(|| {
            Failure::new(ErrorCode::NotFound, format!("there is no tool `{}`", name.escape_debug()))
                .try_next("`genoa tools` lists the tools that are there")
        })
    }

    /// Whether the grant allows the call: the tool with these arguments, and all that the tool's jail needs.
    pub(crate) fn permit(
        &self,
        grant: GrantId,
        schema: &ToolSchema,
        arguments: &Map<String, Json>,
        session: SessionId,
    ) -> Result<(), Failure> {
        if !schema.is_function() {
            self.kernel.grants.allows(grant, &tool_right(&schema.name, arguments), self.now)?;
        }
        let words = arguments.values().filter_map(Json::as_str).find(|text| text.contains("://"));
        self.permit_needs(grant, schema, session, words.unwrap_or_default())
    }

    /// Whether some call of the tool is allowed: what decides if a planner gets to know it.
    pub(crate) fn may_use(&self, grant: GrantId, schema: &ToolSchema, session: SessionId) -> bool {
        self.permit_some_call(grant, schema, session, "").is_ok()
    }

    /// As [`Turn::may_use`], with the reason against it. `words` are the person's, for the advice.
    pub(crate) fn permit_some_call(
        &self,
        grant: GrantId,
        schema: &ToolSchema,
        session: SessionId,
        words: &str,
    ) -> Result<(), Failure> {
        let plain = |name: &str| Right::Tool { name: name.to_owned(), arguments: BTreeMap::new() };
        let names_it = |right: &Right| match right {
            Right::Tool { name, .. } => plain(name).covers(&plain(&schema.name)),
            _ => false,
        };
        let is_named = self.kernel.grants.get(grant).is_ok_and(|grant| grant.rights.iter().any(names_it));
        if !is_named && !schema.is_function() {
            return Err(Failure::new(ErrorCode::NotGranted, format!("not allowed to call {}", schema.name))
                .because(format!("the grant {grant} does not hold it")));
        }
        self.permit_needs(grant, schema, session, words)
    }

    fn permit_needs(
        &self,
        grant: GrantId,
        schema: &ToolSchema,
        session: SessionId,
        words: &str,
    ) -> Result<(), Failure> {
        let grants = &self.kernel.grants;
        grants.live(grant, self.now)?;
        if schema.executor == Executor::Model {
            grants.allows(grant, &Right::Model, self.now)?;
        }
        let workspace = &self.session(session)?.workspace;
        let access = match schema.needs.files {
            FileNeed::None => None,
            FileNeed::Read => Some(Access::Read),
            FileNeed::Write => Some(Access::Write),
        };
        if let Some(access) = access {
            grants.allows(grant, &Right::Files { under: workspace.clone(), access }, self.now)?;
        }
        if schema.needs.network {
            self.permit_network(grant, schema, words)?;
        }
        if let Some(route) = self.kernel.mcp.get(&schema.name) {
            // The one program that the call will run, not just any.
            let program = Right::Program { name: route.server.program_name().to_owned() };
            grants.allows(grant, &program, self.now)?;
        }
        let held = &grants.get(grant)?.rights;
        let needs = [
            (schema.needs.programs, "other programs", held.iter().any(|right| matches!(right, Right::Program { .. }))),
            (schema.needs.host, "a look at the host", held.iter().any(|right| matches!(right, Right::Host { .. }))),
        ];
        match needs.iter().find(|(is_needed, _, is_held)| *is_needed && !is_held) {
            None => Ok(()),
            Some((_, what, _)) => Err(Failure::new(ErrorCode::NotGranted, format!("{} needs {what}", schema.name))
                .because(format!("the grant {grant} holds no right to it"))
                .try_next("Use an agent whose manifest asks for it, or allow it in the configuration")),
        }
    }

    pub(crate) fn check_call(&self, invocation: Invocation) -> Result<Order, Failure> {
        let schema = self.schema(&invocation.tool, invocation.session)?;
        if let Some(name) = invocation.arguments.keys().find(|name| schema.parameter(name).is_none()) {
            return Err(unknown_argument(&schema, name));
        }
        let clock = self.clock(invocation.session, invocation.origin)?;
        let mut arguments = Map::new();
        for parameter in &schema.parameters {
            match invocation.arguments.get(&parameter.name) {
                Some(value)
                    if value.datum == Datum::None && parameter.required && takes_something(&schema, parameter) =>
                {
                    return Err(genoa_plan::not_found(&parameter.name));
                }
                Some(value) if value.datum != Datum::None || parameter.required => {
                    let json = argument_to_json(&parameter.ty, value, &clock)?;
                    arguments.insert(parameter.name.clone(), json);
                }
                // A checked plan gives every argument that is needed, and leaves out what turned out to be None.
                None if parameter.required && matches!(invocation.origin, Origin::Run(_)) => {
                    return Err(genoa_plan::not_found(&parameter.name));
                }
                None if parameter.required => {
                    return Err(Failure::new(
                        ErrorCode::InvalidInput,
                        format!("{} needs the argument `{}`", schema.name, parameter.name),
                    ));
                }
                _ => {}
            }
        }
        self.permit(invocation.grant, &schema, &arguments, invocation.session)?;
        Ok(Order {
            origin: invocation.origin,
            session: invocation.session,
            grant: invocation.grant,
            schema,
            arguments,
            values: invocation.arguments,
            context: invocation.context,
            line: invocation.line,
            attached: BTreeMap::new(),
            alike: Vec::new(),
            undoes: invocation.undoes,
            approved: None,
        })
    }

    /// The functions that the kernel answers itself.
    fn call_function(&mut self, order: &Order) -> Result<Begun, Failure> {
        let text = |name: &str| order.values.get(name).map(render::value).unwrap_or_default();
        match (order.schema.name.as_str(), order.origin) {
            (system::ASK, origin) => {
                let options = match order.arguments.get("options") {
                    Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
                    _ => Vec::new(),
                };
                let purpose = Purpose::Call { origin, grant: order.grant };
                self.open_free_question(order.session, text("question"), options, purpose)?;
                Ok(Begun::Waiting)
            }
            (system::SAY, Origin::Run(run)) => {
                self.note_suspicions(order.origin, &order.influences());
                self.note_said(run, text("text"))?;
                Ok(Begun::Over(Value::none()))
            }
            (system::REFUSE, Origin::Run(run)) => {
                self.note_refused(run, text("reason"));
                Ok(Begun::Over(Value::none()))
            }
            (system::NOTIFY_SHOW, origin) => {
                let agent = match origin {
                    Origin::Run(run) => self.kernel.runs.get(&run).and_then(|run| run.agent),
                    Origin::Syscall(Asker { caller: Caller::Agent(agent), .. }) => Some(agent),
                    _ => None,
                };
                self.show_notice(order.session, agent, text("text"))?;
                Ok(Begun::Over(Value::none()))
            }
            (name, _) => Err(Failure::new(ErrorCode::Unsupported, format!("`{name}` can only be called by a plan"))
                .try_next("Use the syscall `notify` to tell the person something")),
        }
    }

    /// Whether calls of a tool go by the outbox. Before calls were held, none did.
    pub(crate) fn is_held_first(&self, schema: &ToolSchema) -> bool {
        self.kernel.undo_window_ms.is_some() && schema.leaves_by_outbox()
    }

    /// Begins a call, from here on the daemon has it. One that was held has its number and key already.
    pub(crate) fn run_tool(&mut self, order: Order, held: Option<OutgoingCall>) -> Result<Begun, Failure> {
        let clock = self.clock(order.session, order.origin)?;
        let view = self.view_for(order.session)?;
        let left_ms = self.kernel.grants.remaining(order.grant).elapsed_ms;
        let time_limit_ms = TOOL_MS.min(left_ms).max(1);
        let reserved = Amount { calls: 1, bytes: 0, tokens: 0, elapsed_ms: time_limit_ms };
        self.kernel.grants.reserve(order.grant, reserved, self.now)?;
        let session = self.session(order.session)?.clone();
        let influences = order.influences();
        if let Some(undone) = order.undoes {
            // Whatever comes of it, it is not taken back twice.
            self.kernel.undoable.remove(&undone);
        }
        let (call, key) = match held {
            Some(held) => (held.call, Some(held.key)),
            None => (self.kernel.counters.call(), None),
        };
        let mcp = self.kernel.mcp.get(&order.schema.name).cloned();
        let job = ToolJob {
            call,
            session: order.session,
            run: if let Origin::Run(run) = order.origin { Some(run) } else { None },
            line: order.line,
            rights: self.jail_rights(order.grant, &order.schema)?,
            schema: order.schema,
            key,
            arguments: order.arguments,
            named: self.names_read(order.origin),
            influences,
            view,
            workspace: session.workspace,
            person: session.person,
            clock,
            time_limit_ms,
            mcp,
        };
        let flight = Flight {
            origin: order.origin,
            session: order.session,
            grant: Some(order.grant),
            reserved,
            started: self.now,
            deadline: Some(self.now.plus_ms(time_limit_ms + CALL_GRACE_MS)),
            work: Work::Tool(Box::new(job)),
            bill: None,
            made_of: Labels::none(),
        };
        self.launch(call, flight);
        Ok(Begun::Waiting)
    }

    /// The rights of a grant, cut to what the tool's jail needs.
    fn jail_rights(&self, grant: GrantId, schema: &ToolSchema) -> Result<Vec<Right>, Failure> {
        let cut = |right: &Right| match right {
            Right::Files { under, .. } if schema.needs.files == FileNeed::Read => {
                Some(Right::Files { under: under.clone(), access: Access::Read })
            }
            Right::Files { .. } if schema.needs.files == FileNeed::None => None,
            Right::Network { .. } if !schema.needs.network || !self.is_configured(right) => None,
            Right::Program { .. } if !schema.needs.programs => None,
            Right::Host { .. } if !schema.needs.host => None,
            Right::Host { .. } => {
                let area = Right::Host { area: host_area(schema).to_owned() };
                right.covers(&area).then_some(area)
            }
            Right::Tool { .. } | Right::Model | Right::Memory { .. } | Right::Surface { .. } => None,
            other => Some(other.clone()),
        };
        Ok(self.kernel.grants.get(grant)?.rights.iter().filter_map(cut).collect())
    }
}

/// An argument of an agent, which all that the agent has heard could have influenced.
fn argument_value(parameter: &Parameter, json: &Json, catalog: &Catalog, heard: &Labels) -> Result<Value, Failure> {
    let inner = match &parameter.ty {
        Type::Optional(inner) => inner,
        other => other,
    };
    // Times arrive as the words that the plan language has for them.
    if let (Type::Time, Json::String(words)) = (inner, json) {
        return Ok(Value::labelled(Datum::Text(words.clone()), heard.clone()));
    }
    catalog.fits(&parameter.ty, json).map_err(|error| {
        Failure::new(ErrorCode::InvalidInput, format!("the argument `{}` has the wrong form", parameter.name))
            .because(error)
    })?;
    value_of_agent(&parameter.ty, json, catalog, heard)
}

/// What a tool gave back as a value, with who could have written it.
fn check_result(call: CallId, schema: &ToolSchema, result: &Json, catalog: &Catalog) -> Result<Value, Failure> {
    if result.to_string().len() > TOOL_RESULT_BYTES {
        let what = format!("the result of {} is too large", schema.name);
        return Err(too_large(what, "TOOL_RESULT_BYTES", TOOL_RESULT_BYTES).try_next("Ask for less at once"));
    }
    catalog.fits(&schema.returns, result).map_err(|error| {
        Failure::new(
            ErrorCode::ToolFailed,
            format!("{} answered with something else than {}", schema.name, schema.returns),
        )
        .because(error)
    })?;
    let wrote = match schema.yields {
        Yields::Foreign => Source::Tool(schema.name.clone()),
        Yields::Machine => Source::Machine,
        Yields::Contacts => Source::Contacts,
    };
    let labels: Labels = [Source::Call(call), wrote].into_iter().collect();
    // What a host gives to whoever asks it is public; all else is the person's own until it says who has it.
    let readers = if schema.needs.network { Readers::Anyone } else { Readers::nobody_else() };
    value_from_json(&schema.returns, result, catalog, &labels.for_readers(readers))
}

/// The right to call a tool with exactly these arguments, as text.
fn tool_right(name: &str, arguments: &Map<String, Json>) -> Right {
    let text = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    Right::Tool {
        name: name.to_owned(),
        arguments: arguments.iter().map(|(name, json)| (name.clone(), text(json))).collect(),
    }
}

fn unknown_argument(schema: &ToolSchema, name: &str) -> Failure {
    let known: Vec<&str> = schema.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    Failure::new(ErrorCode::InvalidInput, format!("{} has no argument `{}`", schema.name, name.escape_debug()))
        .try_next(format!("Its arguments are: {}", known.join(", ")))
}

/// The one area of the host that a tool looks at: its group's. How big the machine is shows in `/proc`.
fn host_area(schema: &ToolSchema) -> &str {
    match schema.name.split_once('.') {
        Some(("system", _)) => "processes",
        Some((group, _)) => group,
        None => &schema.name,
    }
}

/// Whether a tool cannot do anything with None there. To `say` nothing is fine.
fn takes_something(schema: &ToolSchema, parameter: &Parameter) -> bool {
    schema.executor != Executor::Kernel && !matches!(parameter.ty, Type::Optional(_) | Type::None)
}
