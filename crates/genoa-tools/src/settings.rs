//! The person's preferences: a small file in the workspace, so that a change can be looked at and undone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use genoa_abi::schema::{Demand, EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::text::one_line;
use crate::tool::{Call, Tool, answer, record, schema};
use crate::{files, text};

/// Where the preferences are, in the workspace.
const PATH: &str = ".genoa/settings.toml";
/// Letters of a value or a condition.
const VALUE_LETTERS: usize = 500;
/// Rules that depend on a condition.
const RULES: usize = 100;

/// A known setting: its name, what it means, and the words that it may be; none means free text.
const KNOWN: [(&str, &str, &[&str]); 9] = [
    ("notifications", "which notices are shown", &["on", "important", "off"]),
    ("quiet_hours", "when nothing is shown, such as 22:00-07:00", &[]),
    ("working_hours", "when the person works, such as 09:00-17:00", &[]),
    ("language", "the language of answers", &[]),
    ("tone", "how answers are written", &["short", "friendly", "formal"]),
    ("theme", "colours of the surfaces", &["light", "dark", "system"]),
    ("units", "units of measurement", &["metric", "imperial"]),
    ("morning_summary", "what is shown in the morning", &[]),
    ("editor_layout", "how the editor is arranged", &[]),
];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    value: String,
    when: String,
}

#[derive(Debug, Serialize)]
struct Setting {
    name: String,
    value: String,
    when: Option<String>,
}

/// The record types of this group.
#[must_use]
pub fn records() -> Vec<RecordType> {
    let mut setting = record(
        "Setting",
        &[("name", "str", "its name"), ("value", "str", "what it is"), ("when", "str?", "only then; else always")],
    );
    setting.title = Some("name".into());
    vec![setting]
}

/// The tools of this group.
#[must_use]
pub fn tools() -> Vec<Tool> {
    let read = Needs { files: FileNeed::Read, ..Needs::default() };
    let write = Needs { files: FileNeed::Write, ..Needs::default() };
    vec![
        Tool {
            schema: schema("settings.get", "The person's preferences.", EffectClass::Observe, read, "list[Setting]")
                .optional("name", "str", "only this one")
                .phrase("Look at the setting {name}"),
            run: get,
        },
        Tool {
            schema: schema(
                "settings.set",
                "Change one of the person's preferences.",
                EffectClass::Change,
                write,
                "Setting",
            )
            .required("name", "str", "notifications, quiet_hours, language, theme, ...")
            .demanding(Demand::Person)
            .required("value", "str", "what it shall be")
            .demanding(Demand::Person)
            .optional("when", "str", "only in this situation")
            .demanding(Demand::Person)
            .phrase("Set {name} to {value} {when}"),
            run: set,
        },
    ]
}

fn get(call: &Call<'_>) -> Result<Json, Failure> {
    let name = call.text("name")?;
    if !name.is_empty() {
        known(&name)?;
    }
    let settings = load(call)?.1;
    let always = settings.settings.into_iter().map(|(name, value)| Setting { name, value, when: None });
    let sometimes =
        settings.rules.into_iter().map(|rule| Setting { name: rule.name, value: rule.value, when: Some(rule.when) });
    answer(always.chain(sometimes).filter(|setting| name.is_empty() || setting.name == name).collect::<Vec<_>>())
}

fn set(call: &Call<'_>) -> Result<Json, Failure> {
    let (name, value, when) = (call.text("name")?, one_line(&call.text("value")?), one_line(&call.text("when")?));
    let words = known(&name)?;
    if !words.is_empty() && !words.contains(&value.as_str()) {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{name} cannot be `{value}`"))
            .because(format!("it is one of {}", words.join(", "))));
    }
    if value.chars().count() > VALUE_LETTERS || when.chars().count() > VALUE_LETTERS {
        return Err(Failure::new(ErrorCode::TooLarge, format!("a setting has at most {VALUE_LETTERS} letters")));
    }
    let (path, mut settings) = load(call)?;
    if when.is_empty() {
        settings.settings.insert(name.clone(), value.clone());
    } else {
        settings.rules.retain(|rule| rule.name != name || rule.when != when);
        settings.rules.push(Rule { name: name.clone(), value: value.clone(), when: when.clone() });
        if settings.rules.len() > RULES {
            return Err(Failure::new(ErrorCode::TooLarge, format!("there are more than {RULES} rules")));
        }
    }
    let text = toml::to_string(&settings)
        .map_err(|error| Failure::new(ErrorCode::Internal, "the settings cannot be written").because(error))?;
    files::put(call, &path, text)?;
    answer(Setting { name, value, when: (!when.is_empty()).then_some(when) })
}

/// The words that a known setting may be.
fn known(name: &str) -> Result<&'static [&'static str], Failure> {
    KNOWN.iter().find(|(known, ..)| *known == name).map(|(_, _, words)| *words).ok_or_else(|| {
        let names: Vec<String> = KNOWN.iter().map(|(name, about, _)| format!("{name} ({about})")).collect();
        Failure::new(ErrorCode::NotFound, format!("there is no setting `{name}`"))
            .because(format!("there are {}", names.join(", ")))
    })
}

fn load(call: &Call<'_>) -> Result<(PathBuf, Settings), Failure> {
    let path = call.resolve(PATH)?;
    if !path.exists() {
        return Ok((path, Settings::default()));
    }
    let settings = toml::from_str(&text::read(&path)?).map_err(|error| {
        Failure::new(ErrorCode::Conflict, format!("{PATH} is damaged")).because(error).try_next("Correct or delete it")
    })?;
    Ok((path, settings))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn preferences_are_kept_and_conditions_are_their_own() {
        let bench = Bench::new();
        assert_eq!(bench.ok("settings.get", json!({})), json!([]));
        bench.ok("settings.set", json!({ "name": "notifications", "value": "on" }));
        bench.ok("settings.set", json!({ "name": "notifications", "value": "off", "when": "while programming" }));
        bench.ok("settings.set", json!({ "name": "notifications", "value": "important", "when": "while programming" }));
        assert_eq!(
            bench.ok("settings.get", json!({ "name": "notifications" })),
            json!([{ "name": "notifications", "value": "on", "when": null }, { "name": "notifications", "value": "important", "when": "while programming" }])
        );
        assert!(bench.text(".genoa/settings.toml").contains("notifications = \"on\""));
    }

    #[test]
    fn what_is_unknown_or_damaged_is_refused() {
        let bench = Bench::new();
        let refused = |name: &str, value: &str| bench.refused("settings.set", json!({ "name": name, "value": value }));
        assert_eq!(refused("sudo", "on"), ErrorCode::NotFound);
        assert_eq!(refused("theme", "pink"), ErrorCode::InvalidInput);
        assert_eq!(refused("language", &"x".repeat(501)), ErrorCode::TooLarge);
        bench.put(".genoa/settings.toml", "[settings");
        assert_eq!(refused("theme", "dark"), ErrorCode::Conflict);
        std::fs::remove_file(bench.path().join(".genoa/settings.toml")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", bench.path().join(".genoa/settings.toml")).unwrap();
        assert_eq!(refused("theme", "dark"), ErrorCode::NotGranted);
    }
}
