//! How much an intention asks for: a plan that has done it is over.
//!
//! A small model that has nothing left to do goes on all the same, with calls that nobody asked for. So the verbs of the
//! request are counted, generously, and a plan has no more acts than these. The words are English.

use genoa_abi::schema::{Catalog, EffectClass, ToolSchema};

use super::said::{Said, bare, is_among, is_verb_of_doing, is_verb_of_telling};

/// Verbs of requests that are served by looking, besides those of telling.
const SEEKING: &str =
    "calculate check compare compute display find get give look read report search see summarise summarize";

/// Verbs of doing that are not those with which requests begin as a rule.
const DOING: &str = "clean commit correct drop exchange go insert lower paste raise strike swap throw turn";

/// Verbs that ask for as many acts as it takes.
const TIDYING: &str = "arrange clean group order organise organize sort tidy";
/// How many acts those count for.
const TIDYING_ACTS: usize = 3;

/// Words after which a verb is one of the request. After others it is a noun, or somebody else's act.
const LEADING_IN: &str = "again also and but finally first just kindly lastly me next now or please then to you";

/// Words that ask for something each.
const QUESTIONING: &str = "how what when where which who whom whose why";

/// How many verbs of a request ask for an act, and how many for an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Deeds {
    acts: usize,
    answers: usize,
    /// Words that begin a question.
    questions: usize,
}

impl Deeds {
    /// Counts them in an intention. More than there are is harmless; one too few ends a plan too early.
    pub(super) fn asked_in(intention: &str) -> Self {
        let mut deeds = Self::default();
        let mut before = "";
        for word in intention.split_whitespace() {
            let verb = bare(word).to_lowercase();
            deeds.questions += usize::from(is_among(QUESTIONING, &verb));
            // What is asked of a file may follow its name: "In a.rs replace …".
            let leads_in = before.is_empty() || is_among(LEADING_IN, &before.to_lowercase()) || is_name_of_file(before);
            if leads_in && (is_verb_of_telling(&verb) || is_among(SEEKING, &verb)) {
                deeds.answers += 1;
            } else if leads_in && (is_verb_of_doing(&verb) || is_among(DOING, &verb)) {
                deeds.acts += if is_among(TIDYING, &verb) { TIDYING_ACTS } else { 1 };
            } else if before == "and" && deeds.acts > 0 {
                // One verb for two things.
                deeds.acts += 1;
            }
            let ends_clause = word.ends_with(['.', ',', ';', ':', '!', '?']) && !is_name_of_file(word);
            before = if ends_clause { "" } else { bare(word) };
            if is_name_of_file(word) {
                before = word;
            }
        }
        deeds
    }
}

/// Whether a word holds marks as file names, paths and quotations do, within it or around it.
fn is_name_of_file(word: &str) -> bool {
    let inner = word.trim_end_matches(['.', ',', ';', ':', '!', '?']);
    inner.contains(['.', '/', '`', '"', '“', '”'])
}

impl Said {
    /// Whether a plan makes none of what the request names as its product: slides, a chart, a brief. Then it is not over.
    #[must_use]
    pub fn misses_a_product(&self, plan: &str, catalog: &Catalog) -> bool {
        let group = |tool: &ToolSchema| tool.name.split_once('.').map(|(group, _)| group.to_owned());
        let makes = |tool: &&ToolSchema| {
            let of_group = catalog.tools.values().filter(|other| group(other) == group(tool)).count();
            tool.effect == EffectClass::Change && !tool.needs.programs && of_group == 1
        };
        let products = catalog.tools.values().filter(makes).filter(|tool| self.asks_for(tool));
        let is_missed = |tool: &ToolSchema| {
            group(tool).is_some_and(|group| self.names_product(&group)) && !plan.contains(&format!("{}(", tool.name))
        };
        !self.is_question() && products.into_iter().any(is_missed)
    }

    /// Whether a plan does all that was asked for, so that nothing is left to write: it acts as often as there are verbs
    /// for it, and nothing is to be told besides. A named file that it does not mention is still to come.
    #[must_use]
    pub fn is_served_by(&self, plan: &str, catalog: &Catalog) -> bool {
        let Some(deeds) = self.deeds().filter(|_| !self.misses_a_product(plan, catalog)) else { return false };
        let done = plan.lines().filter(|line| acts(line, catalog)).count();
        let wanted = if self.is_question() { deeds.questions.max(1) } else { deeds.answers.max(1) };
        if done >= deeds.acts && said_at_last(plan, wanted) {
            return true;
        }
        let is_over = done >= deeds.acts && deeds.answers == 0 && !self.is_question();
        // Where no verb of doing is known, nothing is known of how much is to be done.
        let is_enough = deeds.acts > 0 && (is_over || done >= deeds.acts + deeds.answers);
        is_enough && !self.misses_a_file(plan)
    }
}

/// Whether a text speaks of a thing by this name, in the singular or plural: what follows is no other noun ("a brief
/// summary" speaks of no brief).
pub(super) fn speaks_of(text: &str, name: &str) -> bool {
    let noun = name.strip_suffix('s').unwrap_or(name);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().enumerate().any(|(place, word)| {
        let plain = bare(word);
        let is_noun = plain == noun || plain.strip_suffix('s') == Some(noun);
        let ends = !word.ends_with(char::is_alphanumeric);
        is_noun && (ends || words.get(place + 1).is_none_or(|next| is_among(AFTER_NOUNS, bare(next))))
    })
}

/// Words that stand after a noun.
const AFTER_NOUNS: &str = "about and as at by called for from in into named of on out that to which with";

/// Whether a plan, as it stands, has told this much, the last thing just now, outside of all blocks.
fn said_at_last(plan: &str, wanted: usize) -> bool {
    let says = |line: &&str| line.starts_with("say(");
    plan.lines().next_back().is_some_and(|line| says(&line)) && plan.lines().filter(says).count() >= wanted
}

/// Whether a statement changes or sends something. What runs a program may be there for its output.
fn acts(line: &str, catalog: &Catalog) -> bool {
    let call = line.split_once(" = ").map_or(line, |(_, value)| value).trim();
    let acts = |tool: &ToolSchema| tool.effect != EffectClass::Observe && !tool.needs.programs;
    call.split_once('(').and_then(|(name, _)| catalog.tools.get(name)).is_some_and(acts)
}

#[cfg(test)]
mod tests {
    use genoa_abi::schema::Catalog;

    use super::{Deeds, Said, speaks_of};

    #[test]
    fn verbs_of_a_request_are_counted() {
        let counted = |text: &str| {
            let Deeds { acts, answers, .. } = Deeds::asked_in(text);
            (acts, answers)
        };
        assert_eq!(counted("Move both letters to Archive"), (1, 0));
        assert_eq!(counted("Draft an answer to Chen's mail about the night shift"), (1, 0));
        assert_eq!(counted("Move a.md to A and b.md to B"), (2, 0));
        assert_eq!(counted("Please sort my downloads"), (3, 0));
        assert_eq!(counted("`x` becomes `y`; check it afterwards"), (0, 1));
        assert_eq!(counted("There's a typo in a.rs: it says x where it should say y. Please fix it."), (1, 0));
        assert_eq!(counted("In a.rs replace `a` with `b`, then compile again and tell me what is left"), (2, 1));
        assert_eq!(counted("Find what belongs to the draft and make the slides"), (1, 1));
        assert_eq!(counted("Which of my contacts live in Oslo?"), (0, 0));
    }

    #[test]
    fn a_product_is_named_by_its_noun() {
        for text in ["make the slides", "make slides about the move", "a chart, please", "write a brief for the board"]
        {
            assert!(["slides", "chart", "brief"].iter().any(|name| speaks_of(text, name)), "{text}");
        }
        assert!(!speaks_of("write a brief summary", "brief") && !speaks_of("move the slide deck", "slides"));
    }

    #[test]
    fn a_question_is_served_by_an_answer_and_two_by_two() {
        let is_served = |intention: &str, plan: &str| {
            Said::in_intention(intention).is_served_by(plan, &Catalog::new(Vec::new(), Vec::new()))
        };
        let (once, twice) =
            ("found = disks.list()\nsay(found)\n", "info = system.info()\nsay(info)\nfound = x.y()\nsay(found)\n");
        assert!(is_served("How full are the disks?", once));
        assert!(!is_served("How full are the disks, and which process is biggest?", once));
        assert!(is_served("How full are the disks, and which process is biggest?", twice));
        assert!(!is_served("How full are the disks?", "found = disks.list()\nif found:\n    say(found)\n"));
        assert!(!is_served("Clean up the disks", once));
        assert!(is_served("Tell me how full the disks are", once));
    }
}
