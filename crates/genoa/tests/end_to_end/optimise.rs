//! A model is written anew as this processor computes it fastest, measured and asked, and one is removed.

use genoa_model::quantise::{Rewriting, Weights, quantise};
use genoa_model::store;
use serde_json::Value as Json;

use crate::world::World;

const MODEL: &str = "smollm2-135m";

fn world() -> World {
    let world = World::new();
    world.add_small_model();
    world.configure(&format!("[model]\nname = \"{MODEL}\"\nthreads = 1\n"));
    world
}

fn installed(world: &World) -> Vec<String> {
    let listing: Json = serde_json::from_str(&world.ok(&["model", "list", "--json"])).unwrap();
    listing["installed"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_made_is_measured_and_asked_and_used_only_where_it_passes_as_much() {
    let world = world();
    let report: Json =
        serde_json::from_str(&world.ok(&["model", "optimise", "--cases", "1", "--yes", "--json"])).unwrap();
    let (now, tried) = (&report["now"], &report["tried"][0]);
    assert_eq!((now["model"]["name"].as_str(), report["tried"].as_array().unwrap().len()), (Some(MODEL), 1));
    assert!(tried["model"]["bytes"].as_u64() < now["model"]["bytes"].as_u64(), "{report}");
    let (before, after) = (now["call_seconds"].as_f64().unwrap(), tried["call_seconds"].as_f64().unwrap());
    assert!(before > 0.0 && after > 0.0, "{report}");
    let passed = |model: &Json| model["passed"].as_array().map(Vec::len);
    assert_eq!(report["cases"].as_u64().unwrap() > 0, after < 0.95 * before, "asked where it is faster: {report}");
    let is_wanted = passed(tried).is_some() && passed(tried) >= passed(now);
    let made = format!("{MODEL}-q4_0");
    assert_eq!(report["taken"].as_str(), is_wanted.then_some(made.as_str()), "{report}");
    let models = world.cache().join("genoa/models");
    assert_eq!(models.join(&made).exists(), is_wanted);
    let left = std::fs::read_dir(&models).unwrap().count();
    assert_eq!(left, installed(&world).len(), "the workbench is gone");
    let chosen: Json = serde_json::from_str(&world.ok(&["model", "list", "--json"])).unwrap();
    assert_eq!(chosen["chosen"].as_str(), Some(if is_wanted { made.as_str() } else { MODEL }));
}

#[test]
fn what_cannot_be_faster_is_not_tried() {
    let world = world();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("made.gguf");
    let from = store::find(&store::default_folder(), MODEL).unwrap().path;
    quantise(&Rewriting { from, to: to.clone(), weights: Weights::Four, threads: 2 }).unwrap();
    world.ok(&["model", "add", "quick", to.to_str().unwrap()]);
    assert!(world.ends(&["model", "optimise", "quick"], 0).contains("nothing to try"));
    // A name that is taken is not overwritten, and nothing is measured for it.
    world.ok(&["model", "add", &format!("{MODEL}-q4_0"), to.to_str().unwrap()]);
    let said = world.ends(&["model", "optimise"], 1);
    assert!(said.contains("there is a model called smollm2-135m-q4_0 already"), "{said}");
    assert!(world.ends(&["model", "optimise", "nobody"], 1).contains("genoa model fetch nobody"));
}

#[test]
fn a_file_that_is_no_model_is_not_written_anew() {
    let world = World::new();
    world.add_broken_model("odd");
    let said = world.ends(&["model", "optimise", "odd"], 1);
    assert!(said.contains("is no model file that can be used"), "{said}");
    assert_eq!(std::fs::read_dir(world.cache().join("genoa/models")).unwrap().count(), 1, "nothing is left behind");
}

#[test]
fn a_model_is_removed_when_somebody_says_so_and_nothing_uses_it() {
    let world = World::new();
    ["one", "two"].into_iter().for_each(|name| world.add_broken_model(name));
    world.configure("[model]\nname = \"one\"\n");
    assert!(world.ends(&["model", "remove", "one", "--yes"], 1).contains("is in use"));
    let said = world.ends(&["model", "remove", "two"], 3);
    assert!(said.contains("genoa model remove two --yes"), "{said}");
    assert_eq!(installed(&world), ["one", "two"]);
    assert!(world.ok(&["model", "remove", "two", "--yes"]).contains("two is removed"));
    assert_eq!(installed(&world), ["one"]);
    assert!(world.ends(&["model", "remove", "two", "--yes"], 1).contains("is not on this machine"));
}
