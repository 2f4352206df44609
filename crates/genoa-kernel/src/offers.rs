//! Tools that a program offers to its session and carries out itself: checked like any other, called on the same path, and
//! gone with the program.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use genoa_abi::limits::{OFFER_BYTES, OFFERED_TOOLS};
use genoa_abi::schema::{Catalog, EffectClass, Executor, Needs, RecordType, ToolSchema, Type};
use genoa_abi::syscall::{Caller, Offer, Reply};
use genoa_abi::tool::{Mark, ToolOutcome, ToolUsage};
use genoa_abi::{CallId, ErrorCode, Failure, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::flights::Work;
use crate::kernel::Kernel;
use crate::rules::Rules;
use crate::sessions::Session;
use crate::turn::{Response, Turn, only_a_person, too_large};

/// What a session was offered, and what was made of it once it was asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Offered {
    own: Catalog,
    #[serde(skip)]
    whole: OnceLock<Arc<Whole>>,
}

/// All tools of a session with an offer, and the rules over them.
#[derive(Debug)]
struct Whole {
    catalog: Catalog,
    rules: Rules,
}

/// The offer itself is all there is to it.
impl PartialEq for Offered {
    fn eq(&self, other: &Self) -> bool {
        self.own == other.own
    }
}

impl Offered {
    fn new(own: Catalog) -> Self {
        Self { own, whole: OnceLock::new() }
    }

    /// The names of the tools.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.own.tools.keys()
    }

    /// What is installed or ruled has changed, so what was made of it no longer holds.
    pub(crate) fn forget_whole(&mut self) {
        self.whole = OnceLock::new();
    }

    fn is_empty(&self) -> bool {
        self.own.tools.is_empty() && self.own.records.is_empty()
    }

    /// What is installed comes last, so that nothing that was offered can take its place.
    fn whole(&self, installed: &Catalog, rules: &Rules) -> &Whole {
        self.whole.get_or_init(|| {
            let mut catalog = self.own.clone();
            catalog.tools.extend(installed.tools.clone());
            catalog.records.extend(installed.records.clone());
            Arc::new(Whole { catalog, rules: rules.over_another_catalog() })
        })
    }
}

impl Kernel {
    /// The tools of a session: what is installed, and what its program offers.
    pub(crate) fn catalog_of(&self, session: SessionId) -> &Catalog {
        catalog_in(&self.sessions, &self.catalog, &self.rules, session)
    }

    /// The rules over the tools of a session.
    pub(crate) fn rules_of(&self, session: SessionId) -> (&Rules, &Catalog) {
        match self.sessions.get(&session).filter(|session| !session.offered.is_empty()) {
            Some(session) => {
                let whole = session.offered.whole(&self.catalog, &self.rules);
                (&whole.rules, &whole.catalog)
            }
            None => (&self.rules, &self.catalog),
        }
    }
}

/// [`Kernel::catalog_of`], for where another part of the kernel's state is being changed.
pub(crate) fn catalog_in<'k>(
    sessions: &'k BTreeMap<SessionId, Session>,
    installed: &'k Catalog,
    rules: &Rules,
    session: SessionId,
) -> &'k Catalog {
    match sessions.get(&session).filter(|session| !session.offered.is_empty()) {
        Some(session) => &session.offered.whole(installed, rules).catalog,
        None => installed,
    }
}

impl Turn<'_> {
    pub(crate) fn offer(&mut self, caller: Caller, offer: Offer) -> Result<Response, Failure> {
        let Caller::Person(session) = caller else { return Err(only_a_person("offer tools")) };
        check_offer(&offer, &self.kernel.catalog)?;
        if let Some(session) = self.kernel.sessions.get_mut(&session) {
            session.offered = Offered::new(Catalog::new(offer.tools, offer.records));
        }
        Ok(Response::Now(Reply::Done))
    }

    /// The end of a call, as the program tells it that carried it out.
    pub(crate) fn returned(
        &mut self,
        caller: Caller,
        call: CallId,
        outcome: Result<Json, Failure>,
        marks: Vec<Mark>,
    ) -> Result<Response, Failure> {
        let flight = self.kernel.flights.get(&call).filter(|flight| {
            caller == Caller::Person(flight.session)
                && matches!(&flight.work, Work::Tool(job) if is_client(&job.schema))
        });
        let Some(flight) = flight else {
            return Err(Failure::new(ErrorCode::NotFound, format!("nothing waits for {call} of this program"))
                .because("it is over, was given up, or is another's"));
        };
        let elapsed_ms = u64::try_from(self.now.0.saturating_sub(flight.started.0)).unwrap_or(0);
        let bytes = outcome.as_ref().map_or(0, |result| result.to_string().len());
        let usage = ToolUsage { elapsed_ms, bytes: u64::try_from(bytes).unwrap_or(u64::MAX) };
        let outcome = match outcome {
            Ok(result) => ToolOutcome::Done { result, wrote: Vec::new(), marks },
            Err(failure) => ToolOutcome::Failed { failure, wrote: Vec::new() },
        };
        self.tool_finished(call, outcome, usage);
        Ok(Response::Now(Reply::Done))
    }

    /// The program of a session is gone, and with it all that it offered. Whether it did what it was told last, nobody knows.
    pub(crate) fn withdraw_offer(&mut self, session: SessionId) {
        if let Some(session) = self.kernel.sessions.get_mut(&session) {
            session.offered = Offered::default();
        }
        self.drop_calls_of_program(session);
        let is_lost = |work: &Work| matches!(work, Work::Tool(job) if is_client(&job.schema));
        let lost = self.kernel.flights.iter().filter(|(_, flight)| flight.session == session && is_lost(&flight.work));
        let lost: Vec<CallId> = lost.map(|(call, _)| *call).collect();
        for call in lost {
            let what = "the program that offered the tool is gone: it may have been carried out or not";
            let failure = Failure::new(ErrorCode::Interrupted, what).try_next("Look, before you ask for it again");
            self.lose(call, failure);
        }
    }
}

/// Whether a tool is carried out by the program that offered it.
pub(crate) fn is_client(schema: &ToolSchema) -> bool {
    schema.executor == Executor::Client
}

/// Refuses what could not be kept to, or would take the place of something that is there.
fn check_offer(offer: &Offer, installed: &Catalog) -> Result<(), Failure> {
    if offer.tools.len().max(offer.records.len()) > OFFERED_TOOLS {
        return Err(too_large("too many tools or record types are offered", "OFFERED_TOOLS", OFFERED_TOOLS));
    }
    let bytes = serde_json::to_vec(offer).map_or(usize::MAX, |json| json.len());
    if bytes > OFFER_BYTES {
        return Err(too_large("the offered tools are described at too great length", "OFFER_BYTES", OFFER_BYTES));
    }
    let own = Catalog::new(offer.tools.clone(), offer.records.clone());
    if own.tools.len() < offer.tools.len() || own.records.len() < offer.records.len() {
        return Err(misfit("the offer", "a name is given twice".to_owned()));
    }
    let has_tool = |name: &str| own.tools.contains_key(name);
    let has_record = |name: &str| own.records.contains_key(name) || installed.records.contains_key(name);
    offer.records.iter().try_for_each(|record| check_record(record, installed, &has_record))?;
    offer.tools.iter().try_for_each(|tool| check_tool(tool, installed, &has_tool, &has_record))
}

fn check_tool(
    tool: &ToolSchema,
    installed: &Catalog,
    has_tool: &dyn Fn(&str) -> bool,
    has_record: &dyn Fn(&str) -> bool,
) -> Result<(), Failure> {
    let wrong = |why: String| Err(misfit(&tool.name, why));
    let Some((group, verb)) = tool.name.split_once('.').filter(|(group, verb)| is_word(group) && is_word(verb)) else {
        return wrong("a tool is called `group.verb`, in small letters".to_owned());
    };
    let is_of_group = |name: &String| name.split_once('.').map_or(name.as_str(), |(group, _)| group) == group;
    if let Some(taken) = installed.tools.keys().find(|name| is_of_group(name)) {
        return wrong(format!("the group of {taken} is taken; {verb} needs another"));
    }
    if !is_client(tool) || tool.needs != Needs::default() {
        return wrong("its executor is `client`, and it needs nothing of Genoa".to_owned());
    }
    if tool.effect == EffectClass::Change {
        let why = "`change` is for what the view holds and can undo; what a program does elsewhere is `emit`";
        return wrong(why.to_owned());
    }
    if let Some(twice) = tool.parameters.iter().enumerate().find_map(|(place, parameter)| {
        tool.parameters[..place].iter().any(|other| other.name == parameter.name).then_some(&parameter.name)
    }) {
        return wrong(format!("its parameter `{twice}` is there twice"));
    }
    if let Some(missing) = tool.undone_by.as_ref().map(|undoing| &undoing.tool).filter(|name| !has_tool(name)) {
        return wrong(format!("{missing}, which is to take it back, is not offered with it"));
    }
    let types = tool.parameters.iter().map(|parameter| &parameter.ty).chain([&tool.returns]);
    match types.into_iter().find_map(|ty| missing_record(ty, has_record)) {
        Some(missing) => wrong(format!("there is no record type {missing}")),
        None => Ok(()),
    }
}

fn check_record(record: &RecordType, installed: &Catalog, has_record: &dyn Fn(&str) -> bool) -> Result<(), Failure> {
    if installed.records.contains_key(&record.name) {
        return Err(misfit(&record.name, "a record type of this name is there".to_owned()));
    }
    match record.fields.iter().find_map(|field| missing_record(&field.ty, has_record)) {
        Some(missing) => Err(misfit(&record.name, format!("there is no record type {missing}"))),
        None => Ok(()),
    }
}

fn missing_record<'t>(ty: &'t Type, has_record: &dyn Fn(&str) -> bool) -> Option<&'t str> {
    match ty {
        Type::Record(name) => (!has_record(name)).then_some(name),
        Type::List(inner) | Type::Optional(inner) => missing_record(inner, has_record),
        _ => None,
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

fn misfit(name: &str, why: String) -> Failure {
    Failure::new(ErrorCode::InvalidInput, format!("{} cannot be offered", name.escape_debug())).because(why)
}
