//! The kernel's steps in the journal: an event with its effects in, and out again to rebuild the state.

use genoa_abi::event::{Effect, Event};
use genoa_abi::{ContentHash, ErrorCode, Failure, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::check::follow;
use crate::content;
use crate::facts;
use crate::failures;
use crate::journal::Journal;
use crate::reader::{JournalReader, StoredRecord};
use crate::write::{Cause, Draft, Durability};

/// One step of the kernel, to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The time that the kernel was told.
    pub now: Timestamp,
    /// What happened.
    pub event: &'a Event,
    /// What the kernel wants done about it.
    pub effects: &'a [Effect],
}

/// One recorded step.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// The number of the event's record.
    pub seq: u64,
    /// The time that the kernel was told.
    pub time: Timestamp,
    /// What happened.
    pub event: Event,
    /// What the kernel wanted done about it, in order.
    pub effects: Vec<Effect>,
}

impl Journal {
    /// Records steps in one transaction: each event, followed by its effects with the event as their cause. It waits
    /// for the disk if one of the effects must be durable. Answers with the numbers of all records, in order.
    ///
    /// # Errors
    /// `InvalidInput` if an event could not be read back (a number that is not finite), `TooLarge` for one over the
    /// limits, `StorageFailed` if the disk is full or fails. Nothing was written then, and no effect may be carried out.
    pub fn append_steps(&mut self, steps: &[Step<'_>]) -> Result<Vec<u64>, Failure> {
        let mut drafts = Vec::new();
        for step in steps {
            let place = drafts.len();
            let body = to_json(step.event)?;
            Event::deserialize(&body)
                .map_err(|error| Failure::new(ErrorCode::InvalidInput, "an event cannot be recorded").because(error))?;
            drafts.push(Draft::new(step.now, &event_kind(&body), Cause::None, body, facts::of_event(step.event))?);
            for effect in step.effects {
                let body = to_json(effect)?;
                let kind = format!("effect.{}", tag(&body, "kind"));
                drafts.push(Draft::new(step.now, &kind, Cause::InBatch(place), body, facts::of_effect(effect))?);
            }
        }
        let durable = steps.iter().flat_map(|step| step.effects).any(Effect::must_be_durable);
        self.append_drafts(&drafts, if durable { Durability::Disk } else { Durability::Group })
    }
}

impl JournalReader {
    /// Feeds the recorded steps from record number `from` on to `take`, in order: the kernel's state is the fold of
    /// these events. After a snapshot at `seq`, go on from `seq + 1`.
    ///
    /// # Errors
    /// The failure of `take`; `StorageFailed` if the chain is broken or a record cannot be read back. What was fed
    /// before that is good.
    pub fn replay(&self, from: u64, mut take: impl FnMut(Replayed) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut present: Option<Replayed> = None;
        let mut head = self.head_at(from.saturating_sub(1))?;
        self.each_record(head.seq + 1, u64::MAX, |record| {
            head = follow(head, &record)
                .map_err(|found| failures::damaged("the journal cannot be replayed").because(found.text))?;
            if record.kind.starts_with("event.") {
                let next =
                    Replayed { seq: record.seq, time: record.time, event: self.typed(&record)?, effects: Vec::new() };
                return present.replace(next).map_or(Ok(()), &mut take);
            }
            if record.kind.starts_with("effect.")
                && let Some(step) = &mut present
            {
                if record.cause != Some(step.seq) {
                    return Err(failures::damaged(format!("record {} is not an effect of {}", record.seq, step.seq)));
                }
                step.effects.push(self.typed(&record)?);
            }
            Ok(())
        })?;
        present.map_or(Ok(()), take)
    }

    /// The body of a record as a value of the kernel's vocabulary.
    pub(crate) fn typed<T: DeserializeOwned>(&self, record: &StoredRecord) -> Result<T, Failure> {
        let unreadable = || failures::damaged(format!("record {} ({}) cannot be read back", record.seq, record.kind));
        let Some(bytes) = &record.body else { return Err(unreadable().because("its content was destroyed")) };
        if ContentHash::of(bytes) != record.body_hash {
            return Err(unreadable().because("its body was altered"));
        }
        let body = content::resolve(&self.connection, bytes)?;
        serde_json::from_value(body.value).map_err(|error| {
            let because =
                if body.destroyed { "a part of its content was destroyed".to_owned() } else { error.to_string() };
            unreadable().because(because)
        })
    }
}

fn to_json(value: &impl Serialize) -> Result<Json, Failure> {
    serde_json::to_value(value)
        .map_err(|error| Failure::new(ErrorCode::Internal, "a record has no JSON form").because(error))
}

/// `event.tick`; for what was asked also the syscall: `event.asked.call`.
fn event_kind(body: &Json) -> String {
    let method = body.get("syscall").map(|syscall| format!(".{}", tag(syscall, "method"))).unwrap_or_default();
    format!("event.{}{method}", tag(body, "kind"))
}

fn tag<'a>(body: &'a Json, name: &str) -> &'a str {
    body.get(name).and_then(Json::as_str).unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use genoa_abi::event::{Effect, Event};
    use genoa_abi::syscall::{Caller, Reply};
    use genoa_abi::{ErrorCode, Failure, GrantId, RequestId, SessionId, Timestamp};

    use super::Step;
    use crate::journal::Journal;
    use crate::write::Durability;

    #[test]
    fn a_step_waits_for_the_disk_if_an_effect_of_it_must_be_durable() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(&folder.path().join("journal.db"), &folder.path().join("keys")).unwrap();
        let mut check = |outcome: Result<Reply, Failure>, expected: Durability| {
            let text = format!("{outcome:?}");
            let reply = Effect::Reply { caller: Caller::Person(SessionId(1)), request: RequestId(1), outcome };
            let step = Step { now: Timestamp(1), event: &Event::Tick {}, effects: &[reply] };
            journal.append_steps(&[step]).unwrap();
            assert_eq!(journal.durability(), expected, "{text}");
        };
        let grant = GrantId { index: 1, generation: 0 };
        check(Ok(Reply::Done), Durability::Group);
        check(Ok(Reply::Grant(grant)), Durability::Disk);
        check(Err(Failure::new(ErrorCode::NotGranted, "not yours")), Durability::Group);
        check(Ok(Reply::Revoked(grant)), Durability::Disk);
    }
}
