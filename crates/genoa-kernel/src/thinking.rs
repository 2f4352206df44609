//! Model calls: checked against rights, budget and queue, charged by what they really used.

use genoa_abi::event::Effect;
use genoa_abi::grant::Right;
use genoa_abi::limits::{
    ALTERNATIVES, ANSWER_TOKENS, EMBED_TEXTS, FRAGMENT_BYTES, FRAGMENTS, GRAMMAR_BYTES, INFER_MS, INFER_QUEUE,
    LIKELIEST_TOKENS, MESSAGE_BYTES, THRESHOLD_BYTES, THRESHOLDS,
};
use genoa_abi::model::{Fragment, Grammar, InferClass, InferReply, InferRequest};
use genoa_abi::syscall::Reply;
use genoa_abi::{CallId, ErrorCode, Failure, GrantId, IntentionId, Labels, SessionId};

use crate::flights::{Flight, Work};
use crate::grants::Amount;
use crate::inference::Switch;
use crate::spending::Used;
use crate::turn::{Asker, Origin, Response, Standing, Turn, too_large};

/// Bytes of a prompt that are taken for one token when its cost is estimated.
const BYTES_PER_TOKEN: usize = 3;

/// Whose model call it is.
pub(crate) struct Thinker {
    pub(crate) origin: Origin,
    pub(crate) session: SessionId,
    pub(crate) grant: GrantId,
    pub(crate) watch: Option<(SessionId, IntentionId)>,
    /// Of whose words the prompt is made, and who may read them.
    pub(crate) made_of: Labels,
}

impl Turn<'_> {
    pub(crate) fn infer(
        &mut self,
        asker: Asker,
        standing: Standing,
        mut request: InferRequest,
    ) -> Result<Response, Failure> {
        let is_watched = request.class == InferClass::Interactive;
        let agent = standing.agent.and_then(|id| self.kernel.agents.get(id).ok());
        let watch = agent.filter(|agent| is_watched && agent.parent.is_none());
        let watch = watch.map(|agent| (agent.session, agent.intention));
        if standing.agent.is_some() && watch.is_none() && is_watched {
            // Nobody looks at what a child writes, so it does not go before others.
            request.class = InferClass::Agent;
        }
        let (origin, session, grant) = (Origin::Syscall(asker), standing.session, standing.grant);
        let thinker = Thinker { origin, session, grant, watch, made_of: self.heard_by(standing.agent) };
        self.begin_infer(thinker, request)?;
        Ok(Response::Later)
    }

    /// Puts a model call into the queue.
    pub(crate) fn begin_infer(&mut self, thinker: Thinker, request: InferRequest) -> Result<CallId, Failure> {
        check_request(&request)?;
        let stream = match thinker.origin {
            Origin::Syscall(asker) if request.stream => Some(asker),
            _ => None,
        };
        let work = Work::Infer { watch: thinker.watch, stream, request: Box::new(request), to: String::new() };
        self.begin_thinking(thinker, work)
    }

    pub(crate) fn embed(&mut self, asker: Asker, standing: Standing, texts: Vec<String>) -> Result<Response, Failure> {
        let bytes: usize = texts.iter().map(String::len).sum();
        if texts.len() > EMBED_TEXTS || bytes > MESSAGE_BYTES {
            return Err(too_large("too many texts to embed", "EMBED_TEXTS", EMBED_TEXTS));
        }
        let work = Work::Embed { texts, to: String::new() };
        let (origin, session, grant) = (Origin::Syscall(asker), standing.session, standing.grant);
        let thinker = Thinker { origin, session, grant, watch: None, made_of: self.heard_by(standing.agent) };
        self.begin_thinking(thinker, work)?;
        Ok(Response::Later)
    }

    pub(crate) fn infer_finished(&mut self, call: CallId, outcome: Result<InferReply, Failure>, unspent: bool) {
        // Nobody was asked yet.
        if self.only_waits(call) {
            return;
        }
        let Some(flight) = self.land(call, |work| matches!(work, Work::Infer { .. })) else { return };
        self.charge_exactly(&flight, |bill| bill.of_reply(&outcome, unspent));
        let used = outcome.as_ref().map_or_else(
            |_| Amount::default(),
            |reply| Amount {
                calls: 0,
                bytes: 0,
                tokens: u64::from(reply.usage.prompt_tokens) + u64::from(reply.usage.written_tokens),
                elapsed_ms: u64::from(reply.usage.prefill_ms) + u64::from(reply.usage.decode_ms),
            },
        );
        self.settle(&flight, used);
        if let (Some(grant), Ok(reply)) = (flight.grant, &outcome) {
            self.kernel.grants.note_thought(grant, &reply.usage);
        }
        match flight.origin {
            Origin::Syscall(asker) => self.reply(asker, outcome.map(Reply::Text)),
            Origin::Reading { reading, place } => self.part_read(reading, place, outcome),
            Origin::Run(_) | Origin::Nobody => {}
        }
    }

    pub(crate) fn embed_finished(&mut self, call: CallId, outcome: Result<Vec<Vec<f32>>, Failure>, unspent: bool) {
        // Nobody was asked yet.
        if self.only_waits(call) {
            return;
        }
        let Some(flight) = self.land(call, |work| matches!(work, Work::Embed { .. })) else { return };
        if outcome.is_err() && unspent {
            self.charge_exactly(&flight, |_| Used::default());
        }
        // The worker reports no usage for vectors; the estimate stands.
        let used = if outcome.is_ok() { flight.reserved } else { Amount::default() };
        self.settle(&flight, used);
        let Work::Embed { texts, .. } = &flight.work else { return };
        let outcome = outcome.and_then(|vectors| {
            let is_whole = vectors.len() == texts.len() && vectors.iter().flatten().all(|number| number.is_finite());
            if is_whole { Ok(vectors) } else { Err(Failure::new(ErrorCode::ModelFailed, "the vectors are not whole")) }
        });
        if let Origin::Syscall(asker) = flight.origin {
            self.reply(asker, outcome.map(Reply::Vectors));
        }
    }

    /// Lets a model call wait for its place; says whether it is one.
    pub(crate) fn queue_for_the_model(&mut self, call: CallId, flight: &Flight) -> bool {
        let Some(grant) = flight.grant else { return false };
        let (to, class, tokens) = match &flight.work {
            Work::Infer { request, to, .. } => (to, request.class, flight.reserved.tokens),
            // A program waits for vectors, and nobody watches. Their memory is their own.
            Work::Embed { to, .. } => (to, InferClass::Agent, 0),
            _ => return false,
        };
        self.kernel.inference.add(to, call, class, grant, tokens, self.now);
        true
    }

    /// Gives the places of the model to those whose turn it is.
    pub(crate) fn give_places(&mut self) {
        for switch in self.kernel.inference.decide(self.now) {
            let effect = match switch {
                Switch::Begin(call) => self.kernel.flights.get(&call).map(|flight| flight.work.effect(call)),
                Switch::Pause(call) => Some(Effect::PauseInfer { call }),
                Switch::GoOn(call) => Some(Effect::ResumeInfer { call }),
            };
            self.effects.extend(effect);
        }
    }

    fn begin_thinking(&mut self, thinker: Thinker, mut work: Work) -> Result<CallId, Failure> {
        let Thinker { origin, session, grant, made_of, .. } = thinker;
        self.kernel.grants.allows(grant, &Right::Model, self.now)?;
        if self.kernel.flights.values().filter(|flight| flight.work.is_thinking()).count() >= INFER_QUEUE {
            return Err(too_large("too many model calls wait", "INFER_QUEUE", INFER_QUEUE).try_next("Try again later"));
        }
        let (to, bill) = self.choose(&work, &made_of)?;
        work.is_for(to);
        let reserved = Amount { tokens: estimated_tokens(&work), ..Amount::default() };
        self.kernel.grants.reserve(grant, reserved, self.now)?;
        let call = self.kernel.counters.call();
        let deadline = Some(self.now.plus_ms(INFER_MS));
        let grant = Some(grant);
        let flight = Flight { origin, session, grant, reserved, started: self.now, deadline, work, bill, made_of };
        self.launch(call, flight);
        Ok(call)
    }
}

/// What a model call is estimated to come to, prompt and answer together.
pub(crate) fn estimated_tokens(work: &Work) -> u64 {
    let (bytes, answer) = match work {
        Work::Infer { request, .. } => {
            let said: usize = request.messages.iter().map(|message| message.content.len()).sum();
            (said + request.answer_begins.len(), request.max_tokens)
        }
        Work::Embed { texts, .. } => (texts.iter().map(String::len).sum(), 0),
        _ => (0, 0),
    };
    bytes.div_ceil(BYTES_PER_TOKEN) as u64 + u64::from(answer)
}

fn check_request(request: &InferRequest) -> Result<(), Failure> {
    let prompt: usize = request.messages.iter().map(|message| message.content.len()).sum();
    if prompt + request.answer_begins.len() > MESSAGE_BYTES {
        return Err(too_large("the prompt is too long", "MESSAGE_BYTES", MESSAGE_BYTES));
    }
    if request.max_tokens as usize > ANSWER_TOKENS {
        return Err(too_large("the answer would be too long", "ANSWER_TOKENS", ANSWER_TOKENS));
    }
    if request.alternatives > ALTERNATIVES {
        return Err(too_large("too many first tokens are asked for", "ALTERNATIVES", ALTERNATIVES));
    }
    if request.likeliest.is_some_and(|count| count > LIKELIEST_TOKENS) {
        return Err(too_large("too many of the likeliest tokens are asked for", "LIKELIEST_TOKENS", LIKELIEST_TOKENS));
    }
    if request.thresholds.len() > THRESHOLDS {
        return Err(too_large("too many thresholds are set", "THRESHOLDS", THRESHOLDS));
    }
    if request.thresholds.iter().any(|threshold| threshold.text.len() > THRESHOLD_BYTES) {
        return Err(too_large("the text of a threshold is too long", "THRESHOLD_BYTES", THRESHOLD_BYTES));
    }
    if !request.temperature.is_finite() || request.temperature < 0.0 {
        return Err(Failure::new(ErrorCode::InvalidInput, "the temperature is not a number from 0 on"));
    }
    let words = |fragment: &Fragment| fragment.name.len() + fragment.left_out.as_ref().map_or(0, String::len);
    if request.fragments.len() > FRAGMENTS || request.fragments.iter().any(|part| words(part) > FRAGMENT_BYTES) {
        return Err(too_large("the prompt names too many parts, or with too many words", "FRAGMENTS", FRAGMENTS));
    }
    let grammar_bytes = match &request.grammar {
        Some(Grammar::Lark(text)) => text.len(),
        Some(Grammar::JsonSchema(schema)) => schema.to_string().len(),
        None => 0,
    };
    if grammar_bytes > GRAMMAR_BYTES {
        return Err(too_large("the grammar is too long", "GRAMMAR_BYTES", GRAMMAR_BYTES));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use genoa_abi::event::{Effect, Event};
    use genoa_abi::installation::Installation;
    use genoa_abi::limits::{
        ALTERNATIVES, ANSWER_TOKENS, FRAGMENTS, GRAMMAR_BYTES, LIKELIEST_TOKENS, MESSAGE_BYTES, THRESHOLD_BYTES,
        THRESHOLDS,
    };
    use genoa_abi::model::{ChatMessage, Fragment, Grammar, InferClass, InferRequest, Role, Threshold, ThresholdPlace};
    use genoa_abi::session::SessionRequest;
    use genoa_abi::syscall::{Caller, Syscall};
    use genoa_abi::tool::{Clock, Person};
    use genoa_abi::{CallId, ErrorCode, Failure, RequestId, SessionId, Timestamp};

    use super::check_request;
    use crate::Kernel;

    /// A session that asks for one thing after the other, and what the model worker is told each time.
    struct Session {
        kernel: Kernel,
        requests: u64,
    }

    impl Session {
        fn begin() -> Self {
            let mut session = Self { kernel: Kernel::new(), requests: 0 };
            session.step(Event::Booted(Installation::default()));
            session.step(Event::Connected { session: SessionId(1) });
            let clock = Clock { now: "2026-11-20T09:00:00+01:00".into(), timezone: "Europe/Rome".into() };
            let request = SessionRequest { workspace: "/home/ada".into(), person: Person::default(), clock };
            session.ask(Syscall::Session(request));
            session
        }

        fn step(&mut self, event: Event) -> Vec<String> {
            let told = |effect: Effect| match effect {
                Effect::Infer { call, .. } => Some(format!("write {call}")),
                Effect::Embed { call, .. } => Some(format!("embed {call}")),
                Effect::PauseInfer { call } => Some(format!("pause {call}")),
                Effect::ResumeInfer { call } => Some(format!("go on {call}")),
                Effect::CancelInfer { call } => Some(format!("cancel {call}")),
                _ => None,
            };
            self.kernel.step(event, Timestamp(1)).into_iter().filter_map(told).collect()
        }

        fn ask(&mut self, syscall: Syscall) -> Vec<String> {
            self.requests += 1;
            self.step(Event::Asked { caller: Caller::Person(SessionId(1)), request: RequestId(self.requests), syscall })
        }

        fn write(&mut self) -> Vec<String> {
            let messages = vec![ChatMessage::new(Role::User, "Begin.")];
            self.ask(Syscall::Infer(InferRequest {
                messages,
                class: InferClass::Interactive,
                ..InferRequest::default()
            }))
        }

        fn embed(&mut self) -> Vec<String> {
            self.ask(Syscall::Embed { texts: vec!["sun".into()] })
        }

        fn written(&mut self, call: u64) -> Vec<String> {
            let outcome = Err(Failure::new(ErrorCode::ModelFailed, "it does not matter how"));
            self.step(Event::InferFinished { call: CallId(call), outcome, unspent: false })
        }
    }

    #[test]
    fn vectors_wait_for_a_place_as_all_calls_do() {
        let mut session = Session::begin();
        assert_eq!(session.embed(), ["embed c1"]);
        assert_eq!(session.write(), ["pause c1", "write c2"], "somebody watches");
        assert_eq!(session.embed(), [""; 0], "this one waits from the beginning");
        assert_eq!(session.written(2), ["go on c1", "embed c3"]);
        // What only waits is told to nobody when it is given up.
        session.write();
        session.embed();
        let gone = session.step(Event::Gone { caller: Caller::Person(SessionId(1)) });
        assert!(!gone.iter().any(|told| told.ends_with(" c5")), "{gone:?}");
    }

    fn threshold(length: usize) -> Threshold {
        Threshold { place: ThresholdPlace::Beginning, text: "x".repeat(length), chance_ppm: 1 }
    }

    #[test]
    fn what_is_over_a_limit_is_refused_by_its_name() {
        let fits = InferRequest {
            thresholds: vec![threshold(THRESHOLD_BYTES); THRESHOLDS],
            alternatives: ALTERNATIVES,
            likeliest: Some(LIKELIEST_TOKENS),
            ..InferRequest::default()
        };
        assert_eq!(check_request(&fits), Ok(()));
        let none = InferRequest::default;
        let over = [
            (InferRequest { answer_begins: "x".repeat(MESSAGE_BYTES + 1), ..none() }, "MESSAGE_BYTES"),
            (InferRequest { max_tokens: u32::try_from(ANSWER_TOKENS + 1).unwrap(), ..none() }, "ANSWER_TOKENS"),
            (InferRequest { alternatives: ALTERNATIVES + 1, ..none() }, "ALTERNATIVES"),
            (InferRequest { likeliest: Some(LIKELIEST_TOKENS + 1), ..none() }, "LIKELIEST_TOKENS"),
            (InferRequest { thresholds: vec![threshold(1); THRESHOLDS + 1], ..none() }, "THRESHOLDS"),
            (InferRequest { thresholds: vec![threshold(THRESHOLD_BYTES + 1)], ..none() }, "THRESHOLD_BYTES"),
            (InferRequest { fragments: vec![Fragment::whole("x", "", 1); FRAGMENTS + 1], ..none() }, "FRAGMENTS"),
            (InferRequest { grammar: Some(Grammar::Lark("x".repeat(GRAMMAR_BYTES + 1))), ..none() }, "GRAMMAR_BYTES"),
        ];
        for (request, limit) in over {
            let failure = check_request(&request).unwrap_err();
            assert_eq!(failure.code, ErrorCode::TooLarge);
            assert!(failure.why.starts_with("the limit is ") && failure.why.contains(limit), "{failure}");
        }
        for temperature in [f32::NAN, f32::INFINITY, -0.1] {
            let failure = check_request(&InferRequest { temperature, ..none() }).unwrap_err();
            assert_eq!(failure.to_string(), "the temperature is not a number from 0 on");
        }
    }
}
