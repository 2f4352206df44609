//! Whether a plan, as it stands, serves what was asked for, and what it still misses.

use genoa_abi::schema::{Catalog, EffectClass, Executor, ToolSchema};

use super::said::Said;

/// What only makes room for another act, where nobody asked for the folder itself.
const FOLDER_MAKER: &str = "files.make_folder(";

impl Said {
    /// Whether the request itself, by its verb, is for something out of reach of these tools, all of them.
    pub(super) fn is_out_of_reach(&self, catalog: &Catalog) -> bool {
        let serves = |verb: &str| {
            let asked = catalog.tools.values().flat_map(|tool| &tool.asked_by);
            asked.into_iter().any(|wanted| verb.starts_with(wanted.as_str()))
        };
        self.out_of_reach.iter().any(|verb| !serves(verb))
    }

    /// Whether a plan makes none of what the request names as its product: slides, a chart, a brief. Then it is not over.
    #[must_use]
    pub fn misses_a_product(&self, plan: &str, catalog: &Catalog) -> bool {
        let group = |tool: &ToolSchema| tool.name.split_once('.').map(|(group, _)| group.to_owned());
        let makes = |tool: &&ToolSchema| {
            let of_group = catalog.tools.values().filter(|other| group(other) == group(tool)).count();
            tool.effect == EffectClass::Change && !tool.needs.programs && of_group == 1
        };
        let products = catalog.tools.values().filter(makes).filter(|tool| self.asks_for(tool));
        let is_missed = |tool: &ToolSchema| !plan.contains(&format!("{}(", tool.name));
        let is_wanted = |tool: &&ToolSchema| group(tool).is_some_and(|group| self.names_product(&group));
        let is_announcement = |tool: &&ToolSchema| tool.executor == Executor::Kernel && !tool.asked_by.is_empty();
        let announcements = catalog.tools.values().filter(is_announcement);
        let announcements = announcements.filter(|tool| tool.effect == EffectClass::Observe && self.asks_for(tool));
        let misses_one = products.filter(is_wanted).chain(announcements).any(is_missed);
        !self.is_question() && (misses_one || self.misses_a_message(plan, catalog))
    }

    /// Whether something shall be sent to somebody, and a plan sends and saves nothing.
    fn misses_a_message(&self, plan: &str, catalog: &Catalog) -> bool {
        let sends = |tool: &&ToolSchema| tool.effect == EffectClass::Emit && self.asks_for(tool);
        let group = |tool: &ToolSchema| tool.name.split_once('.').map(|(group, _)| format!("{group}."));
        let missed = |tool: &ToolSchema| {
            let of_group = |line: &str| acts(line, catalog) && group(tool).is_some_and(|group| line.contains(&group));
            !plan.lines().any(of_group)
        };
        self.sends_to_somebody() && catalog.tools.values().filter(sends).any(missed)
    }

    /// Whether the request itself is to tell or send somebody something: it can be done, whatever it is about.
    pub(super) fn sends_to_somebody(&self) -> bool {
        self.deeds().is_some_and(|deeds| deeds.sends)
    }

    /// Whether a plan runs a program and does nothing with what that printed, though something is asked.
    #[must_use]
    pub fn misses_an_output(&self, plan: &str, catalog: &Catalog) -> bool {
        let tells = self.deeds().is_some_and(|deeds| deeds.answers > 0 || deeds.questions > 0);
        let lines: Vec<&str> = plan.lines().collect();
        let is_unused = |(place, line): (usize, &&str)| {
            let Some((name, call)) = line.split_once(" = ") else { return false };
            let tool = call.split('(').next().and_then(|function| catalog.tools.get(function.trim()));
            let is_used = |later: &&str| {
                later.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == name.trim())
            };
            tool.is_some_and(ToolSchema::takes_a_command) && !lines[place + 1..].iter().any(is_used)
        };
        tells && lines.iter().enumerate().any(is_unused)
    }

    /// Whether a plan does all that was asked for, so that nothing is left to write: it acts as often as there are verbs
    /// for it, and nothing is to be told besides. A named file that it does not mention is still to come.
    #[must_use]
    pub fn is_served_by(&self, plan: &str, catalog: &Catalog) -> bool {
        let Some(deeds) = self.deeds().filter(|_| !self.misses_a_product(plan, catalog)) else { return false };
        if self.misses_an_output(plan, catalog) {
            return false;
        }
        let prepares = |line: &str| !deeds.makes && line.contains(FOLDER_MAKER);
        let done = plan.lines().filter(|line| acts(line, catalog) && !prepares(line)).count();
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

    use super::Said;

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
