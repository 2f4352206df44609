//! Connections that gave everything up but the model: what else they ask for does nothing, and they hear of nothing.

use genoa_abi::event::{Effect, Event};
use genoa_abi::syscall::{Caller, Reply, Syscall};

use crate::world::World;

impl World {
    /// Holds what comes of an event against what connections gave up before it.
    pub(crate) fn check_pledged(&mut self, event: &Event, effects: &[Effect]) -> Result<(), String> {
        let told = effects.iter().find_map(|effect| match effect {
            Effect::Tell { session, news } if self.pledged.contains(session) => Some((session, news)),
            _ => None,
        });
        if let Some((session, news)) = told {
            return Err(format!("{session} asks the model and nothing else, and heard {news:?}"));
        }
        let Event::Asked { caller: Caller::Person(session), syscall, .. } = event else { return Ok(()) };
        let is_refused =
            |effect: &Effect| matches!(effect, Effect::Reply { outcome: Err(_), .. } | Effect::WakeAt { .. });
        let is_done = |effect: &Effect| matches!(effect, Effect::Reply { outcome: Ok(Reply::Done), .. });
        match syscall {
            Syscall::Infer(_) | Syscall::Embed { .. } => {}
            _ if self.pledged.contains(session) => {
                if !effects.iter().all(is_refused) {
                    return Err(format!(
                        "{session} asks the model and nothing else, and {} did something",
                        syscall.name()
                    ));
                }
                self.report.given_up += 1;
            }
            Syscall::Pledge {} if effects.iter().any(is_done) => {
                self.pledged.insert(*session);
            }
            _ => {}
        }
        Ok(())
    }
}
