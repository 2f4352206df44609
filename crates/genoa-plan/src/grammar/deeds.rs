//! How much an intention asks for: a plan that has done it is over.
//!
//! A small model that has nothing left to do goes on all the same, with calls that nobody asked for. So the verbs of the
//! request are counted, generously, and a plan has no more acts than these. The words are English.

use genoa_abi::schema::{Catalog, EffectClass, ToolSchema};

use super::said::{Said, bare, is_among, is_verb_of_doing, is_verb_of_telling};

/// Verbs of requests that are served by looking, besides those of telling.
const SEEKING: &str =
    "calculate check compare compute display find get give look read report search see summarise summarize";

/// Words after which a verb is none of the request: it is a noun, or somebody else's act.
const BEFORE_OTHERS: &str = "a about an any are at be by did do does don't each every for from had has have he her his how i if in \
    into is it its last must my new next no not of old on our she should some that the their them these they this those was \
    we were what when where which who why will with your";

/// How many verbs of a request ask for an act, and how many for an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deeds {
    acts: usize,
    answers: usize,
}

impl Deeds {
    /// Counts them in an intention. More than there are is harmless; one too few ends a plan too early.
    pub(super) fn asked_in(intention: &str) -> Self {
        let mut deeds = Self::default();
        let mut before = String::new();
        for word in intention.split_whitespace() {
            let verb = bare(word).to_lowercase();
            let is_asked = !is_among(BEFORE_OTHERS, &before);
            if is_asked && (is_verb_of_telling(&verb) || is_among(SEEKING, &verb)) {
                deeds.answers += 1;
            } else if is_asked && is_verb_of_doing(&verb) {
                deeds.acts += 1;
            }
            let ends_clause = word.ends_with(['.', ',', ';', ':', '!', '?']);
            before = if ends_clause { String::new() } else { verb };
        }
        deeds
    }
}

impl Said {
    /// Whether a plan does all that was asked for, so that nothing is left to write: it acts as often as there are verbs
    /// for it, and nothing is to be told besides. A named file that it does not mention is still to come.
    #[must_use]
    pub fn is_served_by(&self, plan: &str, catalog: &Catalog) -> bool {
        let Some(deeds) = self.deeds() else { return false };
        let done = plan.lines().filter(|line| acts(line, catalog)).count();
        let all = deeds.acts + deeds.answers;
        let is_enough = done >= all.max(1) || (done >= deeds.acts.max(1) && deeds.answers == 0 && !self.is_question());
        is_enough && !self.misses_a_file(plan)
    }
}

/// Whether a statement changes or sends something. What runs a program may be there for its output.
fn acts(line: &str, catalog: &Catalog) -> bool {
    let call = line.split_once(" = ").map_or(line, |(_, value)| value).trim();
    let acts = |tool: &ToolSchema| tool.effect != EffectClass::Observe && !tool.needs.programs;
    call.split_once('(').and_then(|(name, _)| catalog.tools.get(name)).is_some_and(acts)
}

#[cfg(test)]
mod tests {
    use super::Deeds;

    #[test]
    fn verbs_of_a_request_are_counted() {
        let counted = |text: &str| {
            let Deeds { acts, answers } = Deeds::asked_in(text);
            (acts, answers)
        };
        assert_eq!(counted("Move both letters to Archive"), (1, 0));
        assert_eq!(counted("There's a typo in a.rs: it says x where it should say y. Please fix it."), (1, 0));
        assert_eq!(counted("In a.rs replace `a` with `b`, then compile again and tell me what is left"), (2, 1));
        assert_eq!(counted("Find what belongs to the draft and make the slides"), (1, 1));
        assert_eq!(counted("Which of my contacts live in Oslo?"), (0, 0));
    }
}
