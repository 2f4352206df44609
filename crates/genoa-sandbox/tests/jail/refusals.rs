//! There is no fall-through: what a machine lacks is refused by name, what no jail can give as well.

use std::time::Duration;

use genoa_abi::ErrorCode;
use genoa_abi::grant::{Access, Right};
use genoa_sandbox::{ChildEnd, PrimitiveKind, SpawnerNews, plan_egress, plan_remote_worker, plan_tool, probe};

use crate::harness::{Test, World};

pub(crate) const TESTS: &[Test] = &[
    ("a_missing_primitive_refuses_by_name", a_missing_primitive_refuses_by_name),
    ("a_failing_step_refuses_by_name", a_failing_step_refuses_by_name),
    ("impossible_rights_are_refused", impossible_rights_are_refused),
    ("without_programs_there_is_one_exec", without_programs_there_is_one_exec),
    ("the_probe_is_quick_and_finds_everything", the_probe_is_quick_and_finds_everything),
];

fn a_missing_primitive_refuses_by_name() {
    let mut world = World::new();
    for kind in PrimitiveKind::EVERY_JAIL.iter().chain(&[PrimitiveKind::Overlay]) {
        let whole = world.machine.report.clone();
        let missing = world.machine.report.primitives.iter_mut().find(|found| found.kind == *kind).unwrap();
        missing.available = false;
        let refused =
            plan_tool(&world.job(vec![world.files(Access::Read)]), &world.layout, &world.machine).unwrap_err();
        let mut all = vec![refused];
        if *kind != PrimitiveKind::Overlay {
            // A remote model: neither of the two jails that it needs.
            all.push(plan_remote_worker(Some("key"), &world.machine).unwrap_err());
            all.push(plan_egress(&[], &world.machine).unwrap_err());
        }
        for refused in all {
            assert_eq!(refused.code, ErrorCode::JailUnavailable);
            assert!(refused.what.contains(&kind.to_string()), "{refused}");
        }
        world.machine.report = whole;
    }
}

fn a_failing_step_refuses_by_name() {
    let mut world = World::new();
    let mut plan = world.plan(vec![world.files(Access::Write)]);
    plan.mounts.push(genoa_sandbox::plan::Mount::ReadOnly { source: "/not/there".into(), target: "/x".into() });
    world.spawner.spawn(1, &plan, &[]).unwrap();
    let SpawnerNews::Failed { id: 1, failure } = world.news(Duration::from_secs(5)) else { panic!("it ran") };
    assert_eq!(failure.what, "the jail cannot be built: open /not/there");
    assert!(failure.why.contains("No such file"), "{failure}");
    let mut plan = world.plan(vec![]);
    plan.program.path = "/usr/bin/not-there".into();
    world.spawner.spawn(2, &plan, &[]).unwrap();
    let SpawnerNews::Failed { id: 2, failure } = world.news(Duration::from_secs(5)) else { panic!("it ran") };
    assert_eq!(failure.what, "the jail cannot be built: open the program /usr/bin/not-there");
}

fn impossible_rights_are_refused() {
    let world = World::new();
    let check = |right: Right, code: ErrorCode| {
        let refused =
            plan_tool(&world.job(vec![right.clone()]), &world.layout, &world.machine).map_err(|refused| refused.code);
        assert_eq!(refused, Err(code), "{right}");
    };
    let files = |under: &str, access| Right::Files { under: under.into(), access };
    check(files("/somewhere/else", Access::Write), ErrorCode::Unsupported);
    let mut below_tmp = genoa_sandbox::ViewLayout::new(&world.machine.home, genoa_abi::ViewId(1), "/tmp/work".as_ref());
    below_tmp.folder.clone_from(&world.layout.folder);
    let part = world.job(vec![files("/tmp/work/part", Access::Read)]);
    assert_eq!(plan_tool(&part, &below_tmp, &world.machine).unwrap_err().code, ErrorCode::Unsupported);
    check(files("relative", Access::Read), ErrorCode::InvalidInput);
    check(files("/a/../b", Access::Read), ErrorCode::InvalidInput);
    check(files("/etc", Access::Read), ErrorCode::InvalidInput);
    check(files(world.machine.home.to_str().unwrap(), Access::Read), ErrorCode::InvalidInput);
}

/// A program that may not start others cannot even execute itself again, and cannot make a process.
fn without_programs_there_is_one_exec() {
    let mut world = World::new();
    let mut plan = world.plan(vec![]);
    plan.program.path = "/usr/bin/perl".into();
    let script = "$| = 1; my $e = ''; print exec('/usr/bin/true') ? 1 : $!+0, ' '; print defined(fork()) ? 1 : $!+0, ' '; \
                  print syscall(322, 1024, $e, 0, 0, 0x1000) . ($!+0), ' '; \
                  print syscall(33, 0, 1024) . ' ' . ($!+0), ' ', syscall(41, 1, 1, 0) . ' ' . ($!+0)";
    plan.program.arguments = vec!["-e".into(), script.into()];
    let (text, end) = world.run(&plan, &[]);
    assert_eq!((text.as_str(), end), ("38 38 -19 -1 9 -1 38", ChildEnd::Code(0)));
}

fn the_probe_is_quick_and_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let binary = std::env::current_exe().unwrap();
    let times = (0..5).map(|_| {
        let start = std::time::Instant::now();
        let report = probe(&binary, folder.path()).unwrap();
        (start.elapsed(), report)
    });
    let (fastest, report) = times.min_by_key(|(time, _)| *time).unwrap();
    println!("probe: {fastest:?}");
    // An unloaded machine needs a fifth of this; the benchmark gives the figure.
    assert!(fastest < Duration::from_millis(250), "{fastest:?}");
    for primitive in &report.primitives {
        println!("  {}: {} {}", primitive.kind, primitive.available, primitive.detail);
    }
    assert_eq!(report.primitives.len(), 12);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the probe leaves nothing behind");
}
