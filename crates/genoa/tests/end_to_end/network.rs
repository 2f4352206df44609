//! Nothing leaves the machine but to hosts that the person named, and what is refused says which line names one.

use crate::site::Site;
use crate::world::World;

fn fetch(url: &str) -> String {
    format!("page = web.fetch(url=\"{url}\")\nsay(page.title)\nsay(page.text)\n")
}

#[test]
fn a_host_is_reached_when_the_configuration_names_it() {
    let (world, site) = (World::new(), Site::new());
    let plan = fetch(&site.url("/"));
    let refused = world.plan(&plan, 3);
    assert!(refused.contains("the configuration names no host"), "{refused}");
    assert!(refused.contains(&format!("[network] and below it hosts = [\"{}\"]", site.host)), "{refused}");
    assert_eq!(site.visits(), 0, "a refusal asks nobody");
    // The daemon runs on: what it advised is enough.
    world.configure(&format!("[network]\nhosts = [\"{}\"]\n", site.host));
    let said = world.plan(&plan, 0);
    assert!(said.contains("Guide") && said.contains("The page says hello."), "{said}");
    assert_eq!(site.visits(), 1);
    assert!(world.ok(&["grants"]).contains(&format!("GET requests to {}", site.host)));
    // And taking the line back is enough as well.
    world.configure("");
    world.plan(&plan, 3);
    assert_eq!(site.visits(), 1);
}

#[test]
fn another_host_and_another_port_are_refused_with_the_line_that_would_allow_them() {
    let (world, site, other) = (World::new(), Site::new(), Site::new());
    world.configure(&format!("[network]\nhosts = [\"{}\", \"example.org\"]\n", site.host));
    let refused = world.plan(&fetch(&other.url("/")), 3);
    assert!(refused.contains("no grant allows a GET request to 127.0.0.1:"), "{refused}");
    assert!(refused.contains(&format!("hosts = [\"{}\"]", other.host)), "{refused}");
    let by_name = site.url("/").replace("127.0.0.1", "localhost");
    world.plan(&fetch(&by_name), 3);
    world.plan(&fetch("http://evil.example.org/"), 3);
    world.plan(&fetch("https://127.0.0.1/"), 3);
    world.plan(&fetch("file:///etc/passwd"), 1);
    assert_eq!((site.visits(), other.visits()), (0, 0));
}

#[test]
fn a_redirection_to_another_host_is_not_followed() {
    let other = Site::new();
    let (world, site) = (World::new(), Site::leading_to(&other.url("/secret?read=this")));
    world.configure(&format!("[network]\nhosts = [\"{}\"]\n", site.host));
    let refused = world.plan(&fetch(&site.url("/away")), 3);
    assert!(refused.contains(&format!("hosts = [\"{}\"]", other.host)), "{refused}");
    assert_eq!((site.visits(), other.visits()), (1, 0));
    // To where it may go, it goes.
    world.configure(&format!("[network]\nhosts = [\"{}\", \"{}\"]\n", site.host, other.host));
    let said = world.plan(&fetch(&site.url("/away")), 0);
    assert!(said.contains("The page says hello."), "{said}");
}

#[test]
fn a_host_that_does_not_answer_is_named() {
    let world = World::new();
    // A port that was given to us and is free again: nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    world.configure(&format!("[network]\nhosts = [\"{host}\"]\n"));
    let said = world.plan(&fetch(&format!("http://{host}/")), 1);
    assert!(said.contains(&host) && said.contains("refused"), "{said}");
}

#[test]
fn a_host_that_means_too_much_is_refused_before_anything_runs() {
    let world = World::new();
    for host in ["*", "localhost", "127.0.0.1", "https://example.org"] {
        world.configure(&format!("[network]\nhosts = [\"{host}\"]\n"));
        let complaint = world.ends(&["status"], 1);
        assert!(complaint.contains("config.toml") && complaint.contains("cannot be a host"), "{complaint}");
    }
}

#[test]
fn doctor_and_agents_say_what_may_be_reached() {
    let world = World::new();
    let doctor = || String::from_utf8(world.run(&["doctor"]).stdout).unwrap();
    assert!(doctor().contains("no host may be reached"));
    world.configure("[network]\nhosts = [\"*.example.org\"]\n");
    assert!(doctor().contains("agents may fetch from *.example.org"), "{}", doctor());
    let agents = world.ok(&["agents"]);
    assert_eq!(agents.matches("GET requests to *.example.org").count(), 1, "{agents}");
}
