//! The terminals: text, numbers, times, fresh names.

/// Words that Python keeps for itself, soft ones included.
pub(super) const KEYWORDS: [&str; 39] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "case", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "match",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "type", "while", "with", "yield", "_",
];

/// Text in double quotes on one line.
pub(super) const TEXT: &str = r#"/"([^"\\\x00-\x1f\x7f]|\\[n"\\])*"/"#;
/// What stands between the values of an f-string.
pub(super) const FORMAT_TEXT: &str = r#"/([^"\\{}\x00-\x1f\x7f]|\\[n"\\])+/"#;
/// A whole number.
pub(super) const INT: &str = r"/0|-?[1-9][0-9]{0,8}/";
/// A number.
pub(super) const NUMBER: &str = r"/-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,4})?/";

/// A fresh name: none of these.
pub(super) fn fresh_name<'a>(taken: impl Iterator<Item = &'a str>) -> String {
    let taken: Vec<&str> = taken.chain(KEYWORDS).collect();
    format!("/[a-z][a-z0-9_]{{0,19}}/ & ~/({})/", taken.join("|"))
}

/// A phrase that means a time, in quotes; each is understood by [`crate::time::parse`].
pub(super) fn time() -> String {
    let weekday = "(monday|tuesday|wednesday|thursday|friday|saturday|sunday)";
    let long_month = "(january|march|may|july|august|october|december|jan|mar|jul|aug|oct|dec)";
    let month_of_30 = "(january|march|april|may|june|july|august|september|october|november|december|jan|mar|apr|jun|jul|aug|sep|oct|nov|dec)";
    let month = "(january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)";
    let count = "([1-9][0-9]?|a|two|three|four|five|six)";
    let date = format!("((([1-9]|1[0-9]|2[0-8]) {month}|(29|30) {month_of_30}|31 {long_month})( 20[0-9][0-9])?)");
    let iso = "(20[0-9][0-9]-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31))";
    let clock = "(([01]?[0-9]|2[0-3]):[0-5][0-9]|([1-9]|1[0-2])(am|pm))";
    let part = "(morning|afternoon|evening)";
    let named_day = format!("(today|tomorrow|yesterday|((next|last) )?{weekday}|{date}|{iso})");
    let day = format!("({named_day}|in {count} (days|weeks|months)|{count} (days|weeks|months) ago)");
    let span = "((last|this|next) (week|month|year|weekend))".to_owned();
    let rolling = format!("((last|next) {count} (hours|days|weeks|months|years))");
    let hour = format!("((at )?{clock}|noon)");
    let point = format!("(now|in {count} (minutes|hours)|{count} (minutes|hours) ago)");
    let single = format!("({day}( {hour}| {part})?|{hour}|this {part}|tonight|{span}|{rolling}|in {month}|{point})");
    let anchor = format!("({named_day}( {clock})?|{span})");
    format!(
        "/\"({single}|(since|before|until|after|by) {anchor}|between {named_day} and {named_day}|{day} {clock} to {clock})\"/"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::time;
    use crate::time::parse;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_time_of_the_grammar_is_understood(
            phrase in proptest::string::string_regex(time().trim_matches('/')).unwrap()
        ) {
            prop_assert!(parse(phrase.trim_matches('"')).is_ok(), "{}", phrase);
        }
    }
}
