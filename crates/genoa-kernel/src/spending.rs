//! What was used of each provider within a day, and whether one more call to it may be sent.
//!
//! Before a call is sent, the most that it can use is set aside: no token is shorter than a byte. When it is over, what its provider
//! says it used takes that place; where the provider says nothing, and after a crash or a failure that does not prove that nothing was
//! done, all that was set aside counts as used. So what was sent within any 24 hours is never more than the limit, as long as the
//! provider counts no more tokens than there are bytes.

use std::collections::BTreeMap;

use genoa_abi::limits::PROVIDER_DAY_MS;
use genoa_abi::model::{Finish, Grammar, InferReply, InferRequest};
use genoa_abi::provider::{Provider, ProviderUse, Sight, no_provider, provider_of, shown_money};
use genoa_abi::{CallId, ErrorCode, Failure, Labels, Source, Timestamp};
use serde::{Deserialize, Serialize};

use crate::flights::{Flight, Work};
use crate::turn::Turn;

/// What was used is kept by the hour; an hour counts until all of it is a day ago.
const HOUR_MS: u64 = 60 * 60 * 1000;
/// Tokens that an endpoint may add around each message and each prompt: marks of who speaks, a system prompt of its own.
const MESSAGE_TOKENS: u64 = 16;
const PROMPT_TOKENS: u64 = 256;
/// Costs are kept in millionths of the millionths in which prices are stated, so that a single token has one.
const COSTS_PER_MILLIONTH: u64 = 1_000_000;

/// Tokens of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

/// What was used, or may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Used {
    tokens: u64,
    cost: u64,
}

/// What a call to a model elsewhere may use, by the prices of the time when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bill {
    provider: String,
    most: Used,
    price_in: u64,
    price_out: u64,
}

/// What was used of each provider, by the hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    providers: BTreeMap<String, BTreeMap<i64, Used>>,
}

impl Tokens {
    /// The most that a model call can come to.
    pub(crate) fn most_of(work: &Work) -> Self {
        match work {
            Work::Infer { request, .. } => Self::most_of_request(request),
            Work::Embed { texts, .. } => Self::most_of_texts(texts),
            _ => Self { read: 0, written: 0 },
        }
    }

    fn most_of_request(request: &InferRequest) -> Self {
        let said: usize = request.messages.iter().map(|message| message.content.len()).sum();
        let form = match &request.grammar {
            Some(Grammar::Lark(text)) => text.len(),
            Some(Grammar::JsonSchema(schema)) => schema.to_string().len(),
            None => 0,
        };
        let messages = request.messages.len() as u64 + 1;
        let bytes = (said + form + request.answer_begins.len()) as u64;
        Self { read: bytes + MESSAGE_TOKENS * messages + PROMPT_TOKENS, written: u64::from(request.max_tokens) }
    }

    fn most_of_texts(texts: &[String]) -> Self {
        let bytes: u64 = texts.iter().map(|text| text.len() as u64 + MESSAGE_TOKENS).sum();
        Self { read: bytes, written: 0 }
    }
}

impl Used {
    fn plus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_add(other.tokens), cost: self.cost.saturating_add(other.cost) }
    }

    fn minus(self, other: Self) -> Self {
        Self { tokens: self.tokens.saturating_sub(other.tokens), cost: self.cost.saturating_sub(other.cost) }
    }

    fn millionths(self) -> u64 {
        self.cost.div_ceil(COSTS_PER_MILLIONTH)
    }

    /// Whether it is within what the person allows for a day.
    fn is_within(self, provider: &Provider) -> bool {
        provider.tokens_per_day.is_none_or(|limit| self.tokens <= limit)
            && provider.spend_per_day.is_none_or(|limit| self.cost <= limit.saturating_mul(COSTS_PER_MILLIONTH))
    }
}

impl Bill {
    fn new(name: &str, provider: &Provider, most: Tokens) -> Self {
        let (price_in, price_out) = (provider.price_in, provider.price_out);
        let mut bill = Self { provider: name.to_owned(), most: Used::default(), price_in, price_out };
        bill.most = bill.of(most);
        bill
    }

    fn of(&self, tokens: Tokens) -> Used {
        let cost = |tokens: u64, price: u64| tokens.saturating_mul(price);
        Used {
            tokens: tokens.read.saturating_add(tokens.written),
            cost: cost(tokens.read, self.price_in).saturating_add(cost(tokens.written, self.price_out)),
        }
    }

    /// What a call used that was sent and is over.
    pub(crate) fn of_reply(&self, outcome: &Result<InferReply, Failure>, unspent: bool) -> Used {
        match outcome {
            Err(_) if unspent => Used::default(),
            // Who was cut short goes on for a while, and has not said what that comes to.
            Ok(reply) if reply.finish != Finish::Cancelled && reply.usage.prompt_tokens > 0 => self.of(Tokens {
                read: u64::from(reply.usage.prompt_tokens),
                written: u64::from(reply.usage.written_tokens),
            }),
            Ok(_) | Err(_) => self.most,
        }
    }
}

impl Ledger {
    fn charge(&mut self, provider: &str, used: Used, now: Timestamp) {
        let hours = self.providers.entry(provider.to_owned()).or_default();
        hours.retain(|hour, _| *hour >= first_hour(now));
        let hour = hours.entry(hour_of(now)).or_default();
        *hour = hour.plus(used);
    }

    /// Corrects what was charged a moment ago.
    fn correct(&mut self, bill: &Bill, used: Used, now: Timestamp) {
        if let Some(hour) = self.providers.get_mut(&bill.provider).and_then(|hours| hours.get_mut(&hour_of(now))) {
            *hour = hour.minus(bill.most).plus(used);
        }
    }

    /// What was used within a day. A clock that was set back makes nothing undone: what lies ahead of it counts.
    fn within_a_day(&self, provider: &str, now: Timestamp) -> Used {
        let hours = self.providers.get(provider).into_iter().flatten();
        hours.filter(|(hour, _)| **hour >= first_hour(now)).fold(Used::default(), |all, (_, used)| all.plus(*used))
    }

    /// How long it takes until so much time has passed that `fits` is true of what is used then; nothing where it never is.
    fn wait_ms(&self, provider: &str, now: Timestamp, fits: impl Fn(Used) -> bool) -> Option<u64> {
        let mut left = self.within_a_day(provider, now);
        let hours = self.providers.get(provider).into_iter().flatten();
        for (hour, used) in hours.filter(|(hour, _)| **hour >= first_hour(now)) {
            left = left.minus(*used);
            if fits(left) {
                let until =
                    (*hour + 1).saturating_mul(HOUR_MS.cast_signed()).saturating_add(PROVIDER_DAY_MS.cast_signed());
                return u64::try_from(until.saturating_sub(now.0)).ok();
            }
        }
        None
    }
}

fn hour_of(time: Timestamp) -> i64 {
    time.0.div_euclid(HOUR_MS.cast_signed())
}

/// The first hour of which a part is less than a day ago.
fn first_hour(now: Timestamp) -> i64 {
    hour_of(Timestamp(now.0.saturating_sub(PROVIDER_DAY_MS.cast_signed())))
}

impl Turn<'_> {
    /// Sets aside what a call to this model may use at most, where it is elsewhere; or says why it is not sent: its provider must
    /// not see what the prompt is made of, or may get no more today.
    pub(crate) fn bill(&self, model: &str, most: Tokens, made_of: &Labels) -> Result<Option<Bill>, Failure> {
        let Some(name) = provider_of(model) else { return Ok(None) };
        let provider = self.kernel.models.providers.get(name).ok_or_else(|| no_provider(name))?;
        let needed = Sight::needed_for(made_of);
        if needed > provider.sees {
            return Err(must_not_see(model, name, provider.sees, needed, made_of));
        }
        let bill = Bill::new(name, provider, most);
        let aside = self.set_aside(name);
        let used = self.kernel.ledger.within_a_day(name, self.now);
        if used.plus(aside).plus(bill.most).is_within(provider) {
            return Ok(Some(bill));
        }
        Err(self.would_pass(model, name, provider, &bill))
    }

    /// What all calls that are under way, or wait, may use of a provider.
    fn set_aside(&self, provider: &str) -> Used {
        let bills = self.kernel.flights.values().filter_map(|flight| flight.bill.as_ref());
        bills.filter(|bill| bill.provider == provider).fold(Used::default(), |all, bill| all.plus(bill.most))
    }

    fn would_pass(&self, model: &str, name: &str, provider: &Provider, bill: &Bill) -> Failure {
        let (aside, ledger) = (self.set_aside(name), &self.kernel.ledger);
        let used = ledger.within_a_day(name, self.now).plus(aside);
        let is_tokens = provider.tokens_per_day.is_some_and(|limit| used.plus(bill.most).tokens > limit);
        let (key, why) = if is_tokens {
            let limit = provider.tokens_per_day.unwrap_or_default();
            let (used, most) = (used.tokens, bill.most.tokens);
            let why = format!(
                "of {limit} tokens within 24 hours {used} are used or set aside, and this call may take up to {most}"
            );
            ("tokens_per_day", why)
        } else {
            let limit = shown_money(provider.spend_per_day.unwrap_or_default());
            let (used, most) = (shown_money(used.millionths()), shown_money(bill.most.millionths()));
            let why =
                format!("of {limit} within 24 hours {used} is spent or set aside, and this call may cost up to {most}");
            ("spend_per_day", why)
        };
        let fits = |left: Used| left.plus(aside).plus(bill.most).is_within(provider);
        let wait = ledger.wait_ms(name, self.now, fits).map(|wait| format!("Wait {}, raise", duration(wait)));
        let next = format!(
            "{} `{key}` of [providers.{name}], or choose a model of this machine with `genoa model use`",
            wait.as_deref().unwrap_or("Raise")
        );
        Failure::new(ErrorCode::BudgetSpent, format!("{model} is not asked: its limit of a day could be passed"))
            .because(why)
            .try_next(next)
    }

    /// A call that was sent is off the table: until more is known, it used all that it could.
    pub(crate) fn charge_most(&mut self, flight: &Flight) {
        if let Some(bill) = &flight.bill {
            self.kernel.ledger.charge(&bill.provider, bill.most, self.now);
        }
    }

    /// It is known what such a call used.
    pub(crate) fn charge_exactly(&mut self, flight: &Flight, used: impl FnOnce(&Bill) -> Used) {
        if let Some(bill) = &flight.bill {
            self.kernel.ledger.correct(bill, used(bill), self.now);
        }
    }

    /// The daemon starts anew. What had been sent before may have been answered and counted; it is sent again on a new account.
    pub(crate) fn charge_what_was_sent(&mut self) {
        let with_bill = self.kernel.flights.iter().filter(|(_, flight)| flight.bill.is_some());
        let calls: Vec<CallId> = with_bill.map(|(call, _)| *call).collect();
        for call in calls {
            let was_sent = !self.only_waits(call);
            let bill = self.kernel.flights.get_mut(&call).and_then(|flight| flight.bill.take());
            if let Some(bill) = bill.filter(|_| was_sent) {
                self.kernel.ledger.charge(&bill.provider, bill.most, self.now);
            }
        }
    }

    /// What is shown of all providers that are configured.
    pub(crate) fn providers_used(&self) -> Vec<ProviderUse> {
        let shown = |(name, provider): (&String, &Provider)| {
            let (used, aside) = (self.kernel.ledger.within_a_day(name, self.now), self.set_aside(name));
            ProviderUse {
                provider: name.clone(),
                tokens: used.tokens,
                tokens_set_aside: aside.tokens,
                tokens_per_day: provider.tokens_per_day,
                spent: used.millionths(),
                spent_set_aside: aside.millionths(),
                spend_per_day: provider.spend_per_day,
            }
        };
        self.kernel.models.providers.iter().map(shown).collect()
    }
}

/// Sources that a refusal names; the rest is counted.
const SHOWN_SOURCES: usize = 4;

fn must_not_see(model: &str, name: &str, sees: Sight, needed: Sight, made_of: &Labels) -> Failure {
    let is_shown = |source: &&Source| !matches!(source, Source::Person | Source::Call(_) | Source::Suspect(_));
    let sources: Vec<String> = made_of.sources().filter(is_shown).map(ToString::to_string).collect();
    let (shown, rest) = sources.split_at(sources.len().min(SHOWN_SOURCES));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    let parts = if shown.is_empty() { "what was read".to_owned() } else { format!("{}{more}", shown.join(", ")) };
    Failure::new(ErrorCode::NotGranted, format!("{model} is not asked: it must not see this prompt"))
        .because(format!("it holds {parts}, for {}, and [providers.{name}] has sees = \"{sees}\"", made_of.readers()))
        .try_next(format!(
            "Have a model of this machine answer it, by a rule in [[route]] or with `genoa model use`, or set sees = \"{needed}\" in [providers.{name}] if it may"
        ))
}

/// Whole hours and minutes, rounded up.
fn duration(milliseconds: u64) -> String {
    let minutes = milliseconds.div_ceil(60_000);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use genoa_abi::Timestamp;
    use proptest::prelude::*;

    use super::{HOUR_MS, Ledger, Used, duration};

    const DAY_MS: u64 = 24 * HOUR_MS;

    fn tokens(tokens: u64) -> Used {
        Used { tokens, cost: 0 }
    }

    proptest! {
        #[test]
        fn whatever_was_charged_within_a_day_counts_and_nothing_that_is_an_hour_older(
            charges in prop::collection::vec((0..200 * HOUR_MS, 1..50u64), 0..30),
            later in 0..60 * HOUR_MS,
        ) {
            let mut charges = charges;
            charges.sort_unstable();
            let mut ledger = Ledger::default();
            for (time, amount) in &charges {
                ledger.charge("lab", tokens(*amount), Timestamp(time.cast_signed()));
            }
            let now = charges.last().map_or(0, |(time, _)| *time) + later;
            let since = |age: u64| charges.iter().filter(|(time, _)| time + age >= now).map(|(_, amount)| amount).sum::<u64>();
            let counted = ledger.within_a_day("lab", Timestamp(now.cast_signed())).tokens;
            prop_assert!(counted >= since(DAY_MS - 1) && counted <= since(DAY_MS + HOUR_MS));
            // Who waits as long as is said finds room, and not a moment earlier.
            let at = |wait: u64| ledger.within_a_day("lab", Timestamp((now + wait).cast_signed())).tokens;
            if let Some(wait) = ledger.wait_ms("lab", Timestamp(now.cast_signed()), |left| left.tokens < 20) {
                prop_assert!(at(wait) < 20 && (at(0) < 20 || at(wait - 1) >= 20));
            }
        }
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_undone() {
        let mut ledger = Ledger::default();
        ledger.charge("lab", tokens(7), Timestamp((100 * HOUR_MS).cast_signed()));
        ledger.charge("lab", tokens(5), Timestamp(0));
        assert_eq!(ledger.within_a_day("lab", Timestamp(0)), tokens(12));
        assert_eq!(ledger.within_a_day("other", Timestamp(0)), tokens(0));
    }

    #[test]
    fn times_are_told_shortly() {
        let told = [1, 60_000, 3_600_000, 3_660_001].map(duration);
        assert_eq!(told, ["1 min", "1 min", "1 h", "1 h 2 min"]);
    }
}
