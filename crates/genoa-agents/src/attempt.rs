//! Earlier plans for the same assignment, and what their planner learns of them.

use genoa_abi::schema::Catalog;
use genoa_plan::{Loosening, is_empty_list, loosened, shape_of};

use crate::statement::value_of;

/// An earlier plan for the same assignment, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) plan: String,
    /// What the planner is told of it.
    pub(crate) reply: String,
    /// The calls that found nothing, and would find nothing again.
    pub(crate) empty: Vec<String>,
    /// Whether it may be tried with a looser search: not where it would then act on what it finds without anybody
    /// having looked.
    pub(crate) may_be_loosened: bool,
}

impl Attempt {
    /// It did not pass the check.
    pub(crate) fn rejected(plan: String, findings: &[String]) -> Self {
        let reply = format!("This plan was not accepted:\n{}\nWrite it again, corrected.", findings.join("\n"));
        Self { plan, reply, empty: Vec::new(), may_be_loosened: false }
    }

    /// The same plan with the first of its searches that found nothing loosened, if one can be.
    pub(crate) fn loosened(&self, catalog: &Catalog, loosening: Loosening) -> Option<String> {
        if !self.may_be_loosened {
            return None;
        }
        let (call, looser) =
            self.empty.iter().find_map(|call| loosened(call, catalog, loosening).map(|looser| (call, looser)))?;
        Some(self.plan.replacen(call.as_str(), &looser, 1))
    }

    /// Its call at a line (from 1) was refused for its arguments.
    pub(crate) fn not_accepted(plan: String, line: u32) -> Self {
        let place = usize::try_from(line).unwrap_or(0).saturating_sub(1);
        let call = plan.lines().nth(place).map(|text| value_of(text).to_owned()).unwrap_or_default();
        let reply = format!(
            "This call was not accepted:\n{call}\nWrite another plan for the same request: with other arguments, or with \
             another function."
        );
        Self { plan, reply, empty: vec![call], may_be_loosened: false }
    }

    /// It ran up to a line (from 1), and what it needed was not found.
    pub(crate) fn found_nothing(plan: String, line: u32, shapes: &[String]) -> Self {
        let is_empty =
            |name: &str| shape_of(shapes, name).is_some_and(|shape| is_empty_list(shape) || shape == "nothing");
        let is_last = |place: usize| u32::try_from(place + 1).is_ok_and(|number| number == line);
        let calls = plan.lines().enumerate().filter(|(place, text)| {
            let name = text.split_once(" = ").map_or("", |(name, _)| name.trim());
            let is_tool = value_of(text).split('(').next().is_some_and(|function| function.contains('.'));
            is_tool && (is_last(*place) || is_empty(name))
        });
        let empty: Vec<String> = calls.map(|(_, text)| value_of(text).to_owned()).collect();
        let reply = format!(
            "Nothing was found by:\n{}\nWrite another plan for the same request: search with fewer or other words, or \
             in another way.",
            empty.join("\n")
        );
        Self { plan, reply, empty, may_be_loosened: line > 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Attempt;

    #[test]
    fn what_found_nothing_is_told_and_remembered() {
        let plan =
            "mails = mail.find(about=\"x\")\nevents = calendar.find()\nevent = first(events)\nsay(event.place)\n";
        let shapes = ["mails: list[Mail], 2 items", "events: list, 0 items", "event: nothing"].map(str::to_owned);
        let attempt = Attempt::found_nothing(plan.to_owned(), 4, &shapes);
        assert_eq!(attempt.empty, ["calendar.find()"]);
        assert!(attempt.reply.starts_with("Nothing was found by:\ncalendar.find()\n"), "{}", attempt.reply);
        let attempt =
            Attempt::not_accepted("a = mail.find()\nsettings.set(name=\"tone\", value=\"x\")\n".to_owned(), 2);
        assert_eq!(attempt.empty, ["settings.set(name=\"tone\", value=\"x\")"]);
        let attempt = Attempt::found_nothing("text = files.read(\"a\")\nsay(text)\n".to_owned(), 1, &[]);
        assert_eq!(attempt.empty, ["files.read(\"a\")"]);
    }
}
