//! Which model answers a call: the first that a rule of the person names for such calls, and that can and may; else the chosen one.
//!
//! A rule is passed over where its model cannot do what is needed, must not see what the prompt is made of, or would pass its
//! provider's limit of a day. What keeps the chosen model, the last resort, from answering is the failure.

use genoa_abi::model::{Grammar, InferClass};
use genoa_abi::provider::{Need, Provider, Route, Sight, provider_of};
use genoa_abi::{CallId, Failure, Labels};

use crate::flights::Work;
use crate::spending::{Bill, Tokens};
use crate::thinking::estimated_tokens;
use crate::turn::Turn;

/// A model call, as rules look at it.
struct Wanted<'a> {
    work: &'a Work,
    made_of: &'a Labels,
    most: Tokens,
}

impl Turn<'_> {
    /// The model for a call, with what is set aside for it where that is elsewhere.
    pub(crate) fn choose(&self, work: &Work, made_of: &Labels) -> Result<(String, Option<Bill>), Failure> {
        let models = &self.kernel.models;
        let wanted = Wanted { work, made_of, most: Tokens::most_of(work) };
        for route in models.routes.iter().filter(|route| wanted.is_meant_by(route)) {
            let can = match provider_of(&route.to) {
                Some(name) => models.providers.get(name).is_some_and(|provider| wanted.is_possible_for(provider)),
                None => true,
            };
            if can && let Ok(bill) = self.bill(&route.to, wanted.most, made_of) {
                return Ok((route.to.clone(), bill));
            }
        }
        let bill = self.bill(&models.chosen, wanted.most, made_of)?;
        Ok((models.chosen.clone(), bill))
    }

    /// Has the present configuration say who answers a call that was not sent, or not to the end.
    pub(crate) fn choose_again(&mut self, call: CallId) -> Result<(), Failure> {
        let Some(flight) = self.kernel.flights.get_mut(&call) else { return Ok(()) };
        flight.bill = None;
        if !flight.work.is_thinking() {
            return Ok(());
        }
        let (work, made_of) = (flight.work.clone(), flight.made_of.clone());
        let (to, bill) = self.choose(&work, &made_of)?;
        self.kernel.inference.send_to(&to, call, self.now);
        if let Some(flight) = self.kernel.flights.get_mut(&call) {
            flight.work.is_for(to);
            flight.bill = bill;
        }
        Ok(())
    }

    /// The configuration changed: what waits for its turn is for whoever answers now.
    pub(crate) fn choose_for_all_that_wait(&mut self) {
        let waiting: Vec<CallId> = self.kernel.flights.keys().copied().filter(|call| self.only_waits(*call)).collect();
        for call in &waiting {
            if let Some(flight) = self.kernel.flights.get_mut(call) {
                flight.bill = None;
            }
        }
        for call in waiting {
            if let Err(failure) = self.choose_again(call) {
                self.lose(call, failure);
            }
        }
    }
}

impl Wanted<'_> {
    fn class(&self) -> Option<InferClass> {
        if let Work::Infer { request, .. } = self.work { Some(request.class) } else { None }
    }

    fn need(&self) -> Need {
        match self.work {
            Work::Infer { request, .. } if request.grammar.is_some() => Need::Grammar,
            Work::Infer { .. } => Need::Text,
            _ => Need::Embeddings,
        }
    }

    /// Whether all that a rule states is so.
    fn is_meant_by(&self, route: &Route) -> bool {
        route.class.is_none_or(|class| self.class() == Some(class))
            && route.need.is_none_or(|need| self.need() == need)
            && route.holds.is_none_or(|holds| Sight::needed_for(self.made_of) == holds)
            && route.longer_than.is_none_or(|tokens| estimated_tokens(self.work) > tokens)
    }

    /// Whether a provider's models can do it, as the person states them.
    fn is_possible_for(&self, provider: &Provider) -> bool {
        let Work::Infer { request, .. } = self.work else { return provider.embeds };
        let is_lark = matches!(request.grammar, Some(Grammar::Lark(_)));
        (provider.grammars || !is_lark)
            && (provider.continues || request.answer_begins.is_empty())
            && request.likeliest.is_none()
            && request.alternatives == 0
            && estimated_tokens(self.work) <= provider.context_tokens
    }
}

impl Work {
    /// Whether a model does it.
    pub(crate) fn is_thinking(&self) -> bool {
        matches!(self, Self::Infer { .. } | Self::Embed { .. })
    }

    /// Names the model that does it.
    pub(crate) fn is_for(&mut self, model: String) {
        if let Self::Infer { to, .. } | Self::Embed { to, .. } = self {
            *to = model;
        }
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::model::{ChatMessage, Grammar, InferClass, InferRequest, Role};
    use genoa_abi::provider::{Models, Need, Provider, Route, Sight};
    use genoa_abi::{ErrorCode, Labels, Readers, Source, Timestamp};
    use serde_json::json;

    use crate::flights::Work;
    use crate::kernel::Kernel;
    use crate::turn::Turn;

    fn route(to: &str) -> Route {
        Route { to: to.to_owned(), ..Route::default() }
    }

    fn infer(request: InferRequest) -> Work {
        Work::Infer { watch: None, stream: None, request: Box::new(request), to: String::new() }
    }

    fn chosen(routes: &[Route], work: &Work, made_of: &Labels) -> Result<String, ErrorCode> {
        let lab = Provider { context_tokens: 1_000, tokens_per_day: Some(2_000), ..Provider::default() };
        let own = Provider { sees: Sight::Private, grammars: true, continues: true, embeds: true, ..lab.clone() };
        let providers = [("lab".to_owned(), lab), ("own".to_owned(), own)].into();
        let models = Models { chosen: "small".to_owned(), providers, routes: routes.to_vec() };
        let mut kernel = Kernel { models, ..Kernel::new() };
        let turn = Turn::new(&mut kernel, Timestamp(0));
        turn.choose(work, made_of).map(|(model, _)| model).map_err(|failure| failure.code)
    }

    #[test]
    fn the_first_rule_counts_of_which_all_is_so() {
        let text = infer(InferRequest { class: InferClass::Interactive, ..InferRequest::default() });
        let form = Some(Grammar::JsonSchema(json!({})));
        let schema = infer(InferRequest { class: InferClass::Background, grammar: form, ..InferRequest::default() });
        let vectors = Work::Embed { texts: vec!["a".to_owned()], to: String::new() };
        let is = |routes: &[Route], work: &Work, model: &str| {
            assert_eq!(chosen(routes, work, &Labels::none()).as_deref(), Ok(model), "{routes:?}");
        };
        is(&[], &text, "small");
        is(&[route("lab/a"), route("own/b")], &text, "lab/a");
        let person = Route { class: Some(InferClass::Interactive), ..route("lab/a") };
        is(&[person.clone(), route("own/b")], &text, "lab/a");
        is(&[person.clone(), route("own/b")], &schema, "own/b");
        is(&[person, route("other")], &vectors, "other");
        let forms = Route { need: Some(Need::Grammar), ..route("lab/a") };
        is(std::slice::from_ref(&forms), &schema, "lab/a");
        is(&[forms], &text, "small");
        is(&[Route { need: Some(Need::Embeddings), ..route("own/b") }], &vectors, "own/b");
        let long = Route { longer_than: Some(100), ..route("lab/a") };
        is(std::slice::from_ref(&long), &text, "small");
        is(&[long], &infer(InferRequest { max_tokens: 101, ..InferRequest::default() }), "lab/a");
    }

    #[test]
    fn a_model_that_cannot_or_may_not_is_passed_over() {
        let routes = [route("lab/a"), route("own/b")];
        let is = |request: InferRequest, made_of: &Labels, model: &str| {
            assert_eq!(chosen(&routes, &infer(request), made_of).as_deref(), Ok(model));
        };
        let mine = Labels::from(Source::File("a.md".to_owned())).for_readers(Readers::nobody_else());
        is(InferRequest::default(), &Labels::none(), "lab/a");
        is(InferRequest::default(), &mine, "own/b");
        let lark = Some(Grammar::Lark("start: \"a\"".to_owned()));
        is(InferRequest { grammar: lark, ..InferRequest::default() }, &Labels::none(), "own/b");
        is(InferRequest { answer_begins: "a".to_owned(), ..InferRequest::default() }, &Labels::none(), "own/b");
        is(InferRequest { likeliest: Some(1), ..InferRequest::default() }, &Labels::none(), "small");
        is(InferRequest { max_tokens: 1_001, ..InferRequest::default() }, &Labels::none(), "small");
        let long = vec![ChatMessage::new(Role::User, "x".repeat(2_500))];
        is(InferRequest { messages: long, ..InferRequest::default() }, &Labels::none(), "small");
        assert_eq!(chosen(&[route("gone/a")], &infer(InferRequest::default()), &mine).as_deref(), Ok("small"));
    }

    #[test]
    fn what_a_prompt_holds_is_a_condition_like_others() {
        let private = Route { holds: Some(Sight::Private), ..route("other") };
        let routes = [private, route("own/b")];
        let mine = Labels::none().for_readers(Readers::nobody_else());
        assert_eq!(chosen(&routes, &infer(InferRequest::default()), &mine).as_deref(), Ok("other"));
        assert_eq!(chosen(&routes, &infer(InferRequest::default()), &Labels::none()).as_deref(), Ok("own/b"));
    }
}
