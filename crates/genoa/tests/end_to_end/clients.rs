//! The gateway, asked through the clients of others: whatever the model is like, the protocol holds. `./x test` installs them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::gateway::Gateway;

/// The folder of the clients, where there is one.
fn clients() -> Option<PathBuf> {
    let folder = std::env::var_os("GENOA_TEST_CLIENTS").map(PathBuf::from);
    if folder.is_none() {
        let _ = writeln!(std::io::stderr(), "SKIPPED: the clients of others are not here; `./x test` installs them");
    }
    folder
}

fn checks(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../evaluation/openai").join(name)
}

/// Lets a client ask a gateway of its own, and gives what it says of what holds.
fn ask(mut client: Command, gateway: &Gateway) -> String {
    let output = client.env("OPENAI_API_KEY", &gateway.token).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

fn url(gateway: &Gateway) -> String {
    format!("http://{}/v1", gateway.address)
}

#[test]
fn what_openais_client_for_python_asks_holds() {
    let Some(folder) = clients() else { return };
    let gateway = Gateway::of_small_model();
    let mut client = Command::new(folder.join("python/bin/python"));
    client.arg(checks("check.py")).args(["--url", &url(&gateway), "--token", &gateway.token]);
    let said = ask(client, &gateway);
    assert!(said.contains("17 of 17 hold"), "{said}");
}

#[test]
fn what_openais_client_for_javascript_asks_holds() {
    let Some(folder) = clients() else { return };
    // Node looks for packages beside the script.
    std::fs::copy(checks("check.mjs"), folder.join("check.mjs")).unwrap();
    let gateway = Gateway::of_small_model();
    let mut client = Command::new("node");
    client.arg(folder.join("check.mjs")).args(["--url", &url(&gateway), "--token", &gateway.token]);
    let said = ask(client, &gateway);
    assert!(said.contains("12 of 12 hold"), "{said}");
}
