//! Questions to people: opened, answered once, or expired into no.

use genoa_abi::limits::{NOTICE_BYTES, OPTIONS, QUESTION_WAIT_MS, QUESTIONS};
use genoa_abi::session::{Answer, News, Question, QuestionKind};
use genoa_abi::syscall::{Caller, Reply};
use genoa_abi::value::{Datum, Value};
use genoa_abi::{ErrorCode, Failure, GrantId, QuestionId, SessionId, Source};
use serde::{Deserialize, Serialize};

use crate::calls::Order;
use crate::turn::{Asker, Origin, Response, Standing, Turn, only_a_person, too_large};

/// A question that waits, and what its answer is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OpenQuestion {
    pub(crate) question: Question,
    pub(crate) purpose: Purpose,
}

/// What goes on when the answer is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// The syscall `ask` of an agent.
    Ask { asker: Asker, grant: GrantId },
    /// The function `ask` of the plan language.
    Call { origin: Origin, grant: GrantId },
    /// A call that waits for its approval.
    Approval(Box<Order>),
}

/// A question that is to be opened.
pub(crate) struct NewQuestion {
    pub(crate) session: SessionId,
    pub(crate) kind: QuestionKind,
    pub(crate) title: String,
    pub(crate) content: String,
    pub(crate) consequence: String,
    /// How many more calls a yes covers.
    pub(crate) more: usize,
    pub(crate) purpose: Purpose,
}

impl OpenQuestion {
    /// Who gets what comes of it; nothing if that is no call.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        match &self.purpose {
            Purpose::Ask { .. } => None,
            Purpose::Call { origin, .. } => Some(origin),
            Purpose::Approval(order) => Some(&order.origin),
        }
    }

    /// The grant under which the waiting work was asked for.
    pub(crate) fn grant(&self) -> Option<GrantId> {
        match &self.purpose {
            Purpose::Ask { grant, .. } | Purpose::Call { grant, .. } => Some(*grant),
            Purpose::Approval(order) => Some(order.grant),
        }
    }

    /// Whether the answer would go to a waiting syscall of `caller`.
    pub(crate) fn is_for(&self, caller: Caller) -> bool {
        match &self.purpose {
            Purpose::Ask { asker, .. } => asker.caller == caller,
            _ => matches!(self.origin(), Some(Origin::Syscall(asker)) if asker.caller == caller),
        }
    }
}

impl Turn<'_> {
    pub(crate) fn ask_person(
        &mut self,
        asker: Asker,
        standing: Standing,
        title: String,
        options: Vec<String>,
    ) -> Result<Response, Failure> {
        if standing.agent.is_none() {
            return Err(Failure::new(ErrorCode::InvalidInput, "only agents ask: the person is the one who answers"));
        }
        let purpose = Purpose::Ask { asker, grant: standing.grant };
        self.open_free_question(standing.session, title, options, purpose)?;
        Ok(Response::Later)
    }

    /// Opens a question in free words, with options or without.
    pub(crate) fn open_free_question(
        &mut self,
        session: SessionId,
        title: String,
        options: Vec<String>,
        purpose: Purpose,
    ) -> Result<(), Failure> {
        if options.len() > OPTIONS {
            return Err(too_large("the question has too many options", "OPTIONS", OPTIONS));
        }
        if title.len() + options.iter().map(String::len).sum::<usize>() > NOTICE_BYTES {
            return Err(too_large("the question is too long", "NOTICE_BYTES", NOTICE_BYTES));
        }
        let kind = if options.is_empty() { QuestionKind::Text } else { QuestionKind::Choice { options } };
        let consequence = "The work goes on with your answer".to_owned();
        self.open_question(NewQuestion { session, kind, title, content: String::new(), consequence, more: 0, purpose })
    }

    pub(crate) fn open_question(&mut self, new: NewQuestion) -> Result<(), Failure> {
        if self.kernel.questions.len() >= QUESTIONS {
            return Err(too_large("too many questions wait for the person", "QUESTIONS", QUESTIONS)
                .try_next("Answer some; `list` shows them"));
        }
        let id = self.kernel.counters.question();
        let question = Question {
            id,
            session: new.session,
            kind: new.kind,
            title: new.title,
            content: new.content,
            consequence: new.consequence,
            more: new.more,
            expires: self.now.plus_ms(QUESTION_WAIT_MS),
        };
        self.kernel.questions.insert(id, OpenQuestion { question: question.clone(), purpose: new.purpose });
        self.tell(new.session, News::Asked(question));
        Ok(())
    }

    pub(crate) fn answer(&mut self, caller: Caller, id: QuestionId, answer: Answer) -> Result<Response, Failure> {
        let Caller::Person(_) = caller else { return Err(only_a_person("answer a question")) };
        let Some(open) = self.kernel.questions.get(&id) else { return Err(self.no_such_question(id)) };
        if open.question.expires <= self.now {
            self.expire_questions();
            return Err(self.no_such_question(id));
        }
        check_answer(&open.question.kind, &answer)?;
        // An answer is a person's act: the work that waited for it gets the time that it needs.
        if let Some(grant) = open.grant() {
            self.kernel.grants.prolong(grant, self.now);
        }
        self.close_question(id, answer);
        Ok(Response::Now(Reply::Done))
    }

    pub(crate) fn expire_questions(&mut self) {
        let now = self.now;
        let due = self.kernel.questions.iter().filter(|(_, open)| open.question.expires <= now);
        let due: Vec<QuestionId> = due.map(|(id, _)| *id).collect();
        for id in due {
            self.close_question(id, Answer::No);
        }
    }

    /// Takes back the questions that nobody waits for any more.
    pub(crate) fn withdraw_questions(&mut self, is_meant: impl Fn(&OpenQuestion) -> bool) {
        let meant = self.kernel.questions.iter().filter(|(_, open)| is_meant(open));
        let meant: Vec<(QuestionId, SessionId)> = meant.map(|(id, open)| (*id, open.question.session)).collect();
        for (id, session) in meant {
            self.kernel.questions.remove(&id);
            self.tell(session, News::Answered { question: id });
        }
    }

    fn close_question(&mut self, id: QuestionId, answer: Answer) {
        let Some(open) = self.kernel.questions.remove(&id) else { return };
        self.tell(open.question.session, News::Answered { question: id });
        let refused = || {
            Failure::new(
                ErrorCode::Denied,
                format!("the answer to \"{}\" was no, or none came in time", open.question.title),
            )
        };
        match open.purpose {
            Purpose::Ask { asker, .. } => self.reply(asker, Ok(Reply::Answer(answer))),
            Purpose::Call { origin, .. } => {
                let words = words_of(&open.question.kind, &answer).ok_or_else(refused);
                let value = words.map(|words| Value::labelled(Datum::Text(words), Source::Person.into()));
                self.call_ended(origin, value);
            }
            Purpose::Approval(order) => match answer {
                Answer::Yes { .. } => self.carry_out_approved(*order),
                Answer::No | Answer::Choice(_) | Answer::Text(_) => self.call_ended(order.origin, Err(refused())),
            },
        }
    }

    fn no_such_question(&self, id: QuestionId) -> Failure {
        if self.kernel.counters.has_given_question(id) {
            return Failure::new(ErrorCode::Conflict, format!("the question {id} is over"))
                .because("it was answered, withdrawn, or nobody answered in time");
        }
        Failure::new(ErrorCode::NotFound, format!("there is no question {id}")).try_next("`list` shows what is open")
    }
}

fn check_answer(kind: &QuestionKind, answer: &Answer) -> Result<(), Failure> {
    let misfit =
        |wanted: &str| Err(Failure::new(ErrorCode::InvalidInput, format!("the question wants {wanted}, or no")));
    match (kind, answer) {
        (_, Answer::No) => Ok(()),
        (QuestionKind::Approval { fingerprint, typed }, Answer::Yes { fingerprint: seen, typed: word }) => {
            if fingerprint != seen {
                return Err(Failure::new(ErrorCode::Conflict, "the answer is about something else than what is asked")
                    .because("its fingerprint is not the question's")
                    .try_next("Look at the question again; `list` shows it"));
            }
            if typed.is_some() && typed != word {
                return misfit(&format!("the word `{}` typed", typed.as_deref().unwrap_or_default()));
            }
            Ok(())
        }
        (QuestionKind::Approval { .. }, _) => misfit("yes to exactly what it shows"),
        (QuestionKind::Choice { options }, Answer::Choice(place)) if *place < options.len() => Ok(()),
        (QuestionKind::Choice { options }, _) => misfit(&format!("one of its {} options", options.len())),
        (QuestionKind::Text, Answer::Text(text)) if text.len() <= NOTICE_BYTES => Ok(()),
        (QuestionKind::Text, Answer::Text(_)) => Err(too_large("the answer is too long", "NOTICE_BYTES", NOTICE_BYTES)),
        (QuestionKind::Text, _) => misfit("words"),
    }
}

fn words_of(kind: &QuestionKind, answer: &Answer) -> Option<String> {
    match (kind, answer) {
        (QuestionKind::Choice { options }, Answer::Choice(place)) => options.get(*place).cloned(),
        (QuestionKind::Text, Answer::Text(text)) => Some(text.clone()),
        _ => None,
    }
}
