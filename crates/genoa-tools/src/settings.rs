//! The person's preferences: a small file in the workspace, so that a change can be looked at and undone.

use std::collections::BTreeMap;
use std::path::PathBuf;

use genoa_abi::schema::{Demand, EffectClass, FileNeed, Needs, RecordType};
use genoa_abi::{ErrorCode, Failure};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::text::one_line;
use crate::tool::{Call, Tool, answer, record, schema};
use crate::{files, hours, text};

/// Where the preferences are, in the workspace.
const PATH: &str = ".genoa/settings.toml";
/// Letters of a value or a condition.
const VALUE_LETTERS: usize = 500;
/// Rules that depend on a condition.
const RULES: usize = 100;

/// What a setting may be.
#[derive(Clone, Copy)]
enum Values {
    /// Any text.
    Free,
    /// A span of hours, written as `22:00-07:00` where it is understood, else as it is said.
    Hours,
    /// One of these words, each with others that mean the same.
    Words(&'static [(&'static str, &'static [&'static str])]),
}

const NOTIFICATIONS: &[(&str, &[&str])] = &[
    ("on", &["all", "yes", "true", "enable", "enabled", "unmute", "unmuted"]),
    ("important", &["urgent", "priority", "important only", "only important", "only important ones"]),
    (
        "off",
        &[
            "none",
            "no",
            "false",
            "disable",
            "disabled",
            "mute",
            "muted",
            "silent",
            "silence",
            "never",
            "do not disturb",
        ],
    ),
];
const TONES: &[(&str, &[&str])] = &[
    ("short", &["brief", "concise", "terse"]),
    ("friendly", &["casual", "informal", "warm"]),
    ("formal", &["official", "professional"]),
];
const THEMES: &[(&str, &[&str])] = &[
    ("light", &["day", "bright", "light mode"]),
    ("dark", &["night", "black", "dark mode", "night mode"]),
    ("system", &["auto", "automatic", "default"]),
];
const UNITS: &[(&str, &[&str])] = &[("metric", &["si", "metric system"]), ("imperial", &["us", "imperial system"])];

/// The known settings: name, what it means, and what it may be.
const KNOWN: [(&str, &str, Values); 9] = [
    ("notifications", "which notices are shown", Values::Words(NOTIFICATIONS)),
    ("quiet_hours", "when nothing is shown, such as 22:00-07:00", Values::Hours),
    ("working_hours", "when the person works, such as 09:00-17:00", Values::Hours),
    ("language", "the language of answers", Values::Free),
    ("tone", "how answers are written", Values::Words(TONES)),
    ("theme", "colours of the surfaces", Values::Words(THEMES)),
    ("units", "units of measurement", Values::Words(UNITS)),
    ("morning_summary", "what is shown in the morning", Values::Free),
    ("editor_layout", "how the editor is arranged", Values::Free),
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
    let quoted: Vec<String> = KNOWN.iter().map(|(name, ..)| format!("\"{name}\"")).collect();
    let names = quoted.join(" | ");
    vec![
        Tool {
            schema: schema("settings.get", "The person's preferences.", EffectClass::Observe, read, "list[Setting]")
                .optional("name", &names, "only this one")
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
            .required("name", &names, "which one")
            .demanding(Demand::Person)
            .required("value", "str", "what it shall be")
.topic_or(&fixed_words())
            .demanding(Demand::Person)
            .optional("when", "str", "only in this situation")
.topic()
            .demanding(Demand::Person)
            .asked_by(
                "set|prefer|from now|in future|rememb|always|never|theme|dark|light|colo|tone|formal|\
                     friend|short|brief|languag|speak|answer|repl|unit|metric|imperial|miles|notif|notice|disturb|\
                     quiet|silen|mute|hour|work|morning|layout|want|show|switch|use|do not|don't|peace|only|let|keep|leave|stop|no more|mode|call me|please be|tell me",
            )
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
    let (name, when) = (call.text("name")?, one_line(&call.text("when")?));
    let value = value_of(&name, &one_line(&call.text("value")?))?;
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

/// What is stored for `said`: of settings with fixed words, the word that it means.
fn value_of(name: &str, said: &str) -> Result<String, Failure> {
    match known(name)? {
        Values::Free => Ok(said.to_owned()),
        Values::Hours => Ok(hours::span(said).unwrap_or_else(|| said.to_owned())),
        Values::Words(words) => {
            let lower = said.to_lowercase();
            let means = |(word, others): &&(&str, &[&str])| *word == lower || others.contains(&lower.as_str());
            words.iter().find(means).map(|(word, _)| (*word).to_owned()).ok_or_else(|| {
                let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Failure::new(ErrorCode::InvalidInput, format!("{name} cannot be `{said}`"))
                    .because(format!("it is one of {}", all.join(", ")))
            })
        }
    }
}

/// The words of the settings that have fixed ones.
fn fixed_words() -> Vec<&'static str> {
    let words = KNOWN.iter().flat_map(|(_, _, values)| match values {
        Values::Words(words) => *words,
        Values::Free | Values::Hours => &[],
    });
    words.map(|(word, _)| *word).collect()
}

/// What a known setting may be.
fn known(name: &str) -> Result<Values, Failure> {
    KNOWN.iter().find(|(known, ..)| *known == name).map(|(_, _, values)| *values).ok_or_else(|| {
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
    use genoa_abi::schema::Type;
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
    fn only_known_settings_can_be_named() {
        for tool in super::tools() {
            let name = &tool.schema.parameter("name").unwrap().ty;
            let Type::Choice(words) = name else { panic!("{name}") };
            assert_eq!(words.len(), super::KNOWN.len());
            assert!(words.iter().all(|word| super::known(word).is_ok()), "{name}");
        }
        assert_eq!(super::known("sudo").map_err(|failure| failure.code).err(), Some(ErrorCode::NotFound));
    }

    #[test]
    fn a_value_is_understood_by_its_usual_words() {
        let bench = Bench::new();
        let check = |name: &str, value: &str, expected: &str| {
            let set = bench.ok("settings.set", json!({ "name": name, "value": value }));
            assert_eq!(set["value"], expected, "{name}: {value}");
        };
        check("notifications", "OFF", "off");
        check("notifications", "Mute", "off");
        check("notifications", "none", "off");
        check("theme", "Night", "dark");
        check("tone", "concise", "short");
        check("units", "Metric", "metric");
        check("quiet_hours", "from 22 to 7", "22:00-07:00");
        check("working_hours", "9am to 5pm", "09:00-17:00");
        check("working_hours", "9 to 5", "9 to 5");
        check("quiet_hours", "during lunch", "during lunch");
        check("language", "Norsk", "Norsk");
    }

    #[test]
    fn what_is_unknown_or_damaged_is_refused() {
        let bench = Bench::new();
        let refused = |name: &str, value: &str| bench.refused("settings.set", json!({ "name": name, "value": value }));
        assert_eq!(refused("theme", "pink"), ErrorCode::InvalidInput);
        assert_eq!(refused("notifications", "off and on"), ErrorCode::InvalidInput);
        assert_eq!(refused("language", &"x".repeat(501)), ErrorCode::TooLarge);
        bench.put(".genoa/settings.toml", "[settings");
        assert_eq!(refused("theme", "dark"), ErrorCode::Conflict);
        std::fs::remove_file(bench.path().join(".genoa/settings.toml")).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", bench.path().join(".genoa/settings.toml")).unwrap();
        assert_eq!(refused("theme", "dark"), ErrorCode::NotGranted);
    }
}
