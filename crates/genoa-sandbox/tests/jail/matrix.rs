//! What a hostile program in a jail tries.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use genoa_abi::grant::{Access, Right};
use genoa_sandbox::{ChildEnd, SpawnerNews, ViewLayout};

use crate::harness::{Test, World, is_root};

pub(crate) const TESTS: &[Test] = &[
    ("writes_go_to_the_view", writes_go_to_the_view),
    ("reading_sees_the_view_and_cannot_write", reading_sees_the_view_and_cannot_write),
    ("nothing_outside_is_there", nothing_outside_is_there),
    ("a_narrow_right_opens_only_its_part", a_narrow_right_opens_only_its_part),
    ("links_do_not_lead_out", links_do_not_lead_out),
    ("there_is_no_network", there_is_no_network),
    ("the_broker_reaches_what_its_rules_name", the_broker_reaches_what_its_rules_name),
    ("the_hosts_sockets_are_out_of_reach", the_hosts_sockets_are_out_of_reach),
    ("forbidden_system_calls_do_not_exist", forbidden_system_calls_do_not_exist),
    ("there_are_no_capabilities", there_are_no_capabilities),
    ("processes_are_bounded", processes_are_bounded),
    ("memory_is_bounded", memory_is_bounded),
    ("the_disk_is_bounded", the_disk_is_bounded),
    ("descriptors_and_environment_do_not_leak", descriptors_and_environment_do_not_leak),
    ("a_low_limit_of_descriptors_is_raised_for_the_jail", a_low_limit_of_descriptors_is_raised_for_the_jail),
    ("given_descriptors_arrive", given_descriptors_arrive),
    ("a_reader_of_model_files_has_these_and_no_other", a_reader_of_model_files_has_these_and_no_other),
    ("the_gateway_lets_in_who_connects_and_reaches_nobody", the_gateway_lets_in_who_connects_and_reaches_nobody),
    ("a_jail_can_be_ended", a_jail_can_be_ended),
    ("the_jails_end_with_the_spawner", the_jails_end_with_the_spawner),
    ("a_look_at_the_host_is_a_look_only", a_look_at_the_host_is_a_look_only),
];

fn check(script: &str, expected: &str) {
    let mut world = World::new();
    let before = world.lower();
    let (text, _) = world.sh(script);
    assert_eq!(text.trim(), expected.trim(), "{script}");
    assert_eq!(world.lower(), before, "the world below changed: {script}");
}

fn writes_go_to_the_view() {
    let mut world = World::new();
    let before = world.lower();
    let script = "echo new > file; echo more > fresh; rm -r inner; pwd; cat file; ls";
    let (text, end) = world.sh(script);
    assert_eq!(end, ChildEnd::Code(0), "{text}");
    assert_eq!(text, format!("{}\nnew\nfile\nfresh\n", world.workspace().display()));
    assert_eq!(world.lower(), before);
    assert_eq!(fs::read_to_string(world.layout.upper().join("file")).unwrap(), "new\n");
}

fn reading_sees_the_view_and_cannot_write() {
    let mut world = World::new();
    world.sh("echo new > file; rm inner/deep");
    let plan = world.script(vec![world.files(Access::Read)], "cat file; ls inner; echo x > file; rm file; touch y");
    let (text, end) = world.run(&plan, &[]);
    assert_ne!(end, ChildEnd::Code(0));
    assert!(text.starts_with("new\n"), "{text}");
    assert!(!text.contains("deep"), "{text}");
    assert_eq!(text.matches("Read-only file system").count(), 3, "{text}");
}

fn nothing_outside_is_there() {
    let mut world = World::new();
    let (secret, home) = (world.folder.path().join("secret"), world.machine.home.clone());
    let script = format!(
        "cat {} | wc -c; ls {} | wc -l; ls /root /home /var/lib | wc -l; \
         echo x > /usr/x; echo x > /etc/x; echo x > /x; echo x > /proc/sys/kernel/core_pattern; mount -t tmpfs x /tmp; \
         echo done",
        secret.display(),
        home.display()
    );
    let (text, _) = world.sh(&script);
    let counts: Vec<&str> = text.lines().filter(|line| line.len() == 1).collect();
    assert_eq!(counts, ["0", "0", "0"], "{text}");
    assert!(text.ends_with("done\n"), "{text}");
    for (place, said) in [("/usr/x", "cannot create"), ("/etc/x", "cannot create"), ("core_pattern", "cannot create")] {
        assert!(text.lines().any(|line| line.contains(place) && line.contains(said)), "{place}: {text}");
    }
    let no_files = world.script(vec![], &format!("ls {} 2>&1", world.workspace().display()));
    let (text, _) = world.run(&no_files, &[]);
    assert!(text.contains("No such file"), "{text}");
}

fn a_narrow_right_opens_only_its_part() {
    let mut world = World::new();
    let inner = world.workspace().join("inner").to_str().unwrap().to_owned();
    let rights = vec![Right::Files { under: inner, access: Access::Write }];
    let plan = world
        .script(rights, "cat inner/deep; echo x > inner/new && echo wrote; cat file; echo x > other; echo y > file");
    let (text, _) = world.run(&plan, &[]);
    assert!(text.starts_with("deepwrote\n"), "{text}");
    assert_eq!(text.matches("Permission denied").count(), 3, "{text}");
    // A link in place of the part would widen the right.
    let (_, end) = world.sh("rm -r inner && ln -s . inner");
    assert_eq!(end, ChildEnd::Code(0));
    world.spawner.spawn(99, &plan, &[]).unwrap();
    let SpawnerNews::Failed { failure, .. } = world.news(Duration::from_secs(5)) else { panic!("it ran") };
    assert!(failure.what.contains("Landlock rule for"), "{failure}");
}

fn links_do_not_lead_out() {
    let mut world = World::new();
    let secret = world.folder.path().join("secret");
    std::os::unix::fs::symlink(&secret, world.workspace().join("out")).unwrap();
    let (text, _) = world.sh("cat out; ln -s / root; cat root/etc/shadow; ls root/root; echo x > out");
    assert!(!text.contains("secret\n"), "{text}");
    assert!(!text.contains("root:"), "{text}");
    assert_eq!(fs::read_to_string(secret).unwrap(), "secret");
}

fn there_is_no_network() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let script = format!(
        "perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"127.0.0.1:{port}\") ? \"in\" : \"out\", \"\\n\"'; \
         perl -e 'print gethostbyname(\"example.org\") ? \"in\" : \"out\", \"\\n\"'; \
         perl -MSocket -e 'print socket(my $s, 17, 3, 0) ? \"in\" : \"out\", \"\\n\"'; \
         perl -MSocket -e 'print socket(my $s, 16, 3, 0) ? \"in\" : \"out\", \"\\n\"'"
    );
    check(&script, "out\nout\nout\nout");
}

fn the_broker_reaches_what_its_rules_name() {
    let mut world = World::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").unwrap();
        }
    });
    let rights =
        [Right::Network { host: format!("127.0.0.1:{port}"), methods: vec!["GET".into()] }, world.files(Access::Write)];
    let plan = genoa_sandbox::plan_egress(&rights, &world.machine).unwrap();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    world.spawner.spawn(7, &plan, &[theirs.into()]).unwrap();
    let news = world.news(Duration::from_secs(5));
    assert!(matches!(news, SpawnerNews::Started { id: 7, .. }), "{news:?}");
    let request = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fetch\",\"params\":{{\"url\":\"http://127.0.0.1:{port}/\"}}}}\n"
    );
    ours.write_all(request.as_bytes()).unwrap();
    let mut answer = vec![0; 4096];
    let length = ours.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.contains("\"text\":\"hi\""), "{answer}");
    drop(ours);
    assert_eq!(world.end_of(7), ChildEnd::Code(0));
}

fn the_hosts_sockets_are_out_of_reach() {
    let mut world = World::new();
    let path = world.folder.path().join("socket");
    let _listener = UnixListener::bind(&path).unwrap();
    let name = format!("genoa-test-{}", std::process::id());
    let address =
        <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(&name).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    let script = format!(
        "perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; \
           print connect($s, sockaddr_un(\"{}\")) ? \"in\" : \"out\", \"\\n\"; \
           socket(my $t, AF_UNIX, SOCK_STREAM, 0) or die; \
           print connect($t, pack(\"S\", AF_UNIX) . \"\\0{name}\") ? \"in\" : \"out\", \"\\n\"'",
        path.display()
    );
    let (text, _) = world.sh(&script);
    assert_eq!(text, "out\nout\n");
}

/// Numbers of x86-64: a call that is missing answers ENOSYS (38).
#[cfg(target_arch = "x86_64")]
fn forbidden_system_calls_do_not_exist() {
    let forbidden = [
        ("ptrace", 101),
        ("process_vm_readv", 310),
        ("process_vm_writev", 311),
        ("mount", 165),
        ("umount2", 166),
        ("pivot_root", 155),
        ("chroot", 161),
        ("unshare", 272),
        ("setns", 308),
        ("clone3", 435),
        ("keyctl", 250),
        ("add_key", 248),
        ("bpf", 321),
        ("perf_event_open", 298),
        ("userfaultfd", 323),
        ("io_uring_setup", 425),
        ("io_uring_enter", 426),
        ("kexec_load", 246),
        ("reboot", 169),
        ("swapon", 167),
        ("init_module", 175),
        ("finit_module", 313),
        ("delete_module", 176),
        ("open_by_handle_at", 304),
        ("name_to_handle_at", 303),
        ("fsopen", 430),
        ("open_tree", 428),
        ("move_mount", 429),
        ("mount_setattr", 442),
        ("pidfd_getfd", 438),
        ("kcmp", 312),
        ("quotactl", 179),
        ("settimeofday", 164),
        ("iopl", 172),
        ("modify_ldt", 154),
        ("a call of another interface", 0x4000_0000 + 39),
    ];
    let numbers: Vec<String> = forbidden.iter().map(|(_, number)| number.to_string()).collect();
    let script = format!(
        "perl -e 'for (qw({})) {{ $! = 0; my $r = syscall($_, 0, 0, 0, 0, 0); print \"$_ $r \", $!+0, \"\\n\" }} \
         $! = 0; my $r = syscall(56, 0x10000011, 0, 0, 0, 0); print \"clone $r \", $!+0, \"\\n\"; \
         $! = 0; $r = syscall(157, 1, 0, 0, 0, 0); print \"deathsig $r \", $!+0, \"\\n\"; \
         $! = 0; $r = syscall(16, 0, 0x5412, 0); print \"tiocsti $r \", $!+0, \"\\n\"; \
         open(my $m, \"+<\", \"/proc/self/mem\") and print \"mem open\\n\"; \
         open(my $i, \"<\", \"/proc/1/environ\") ; print \"\"'",
        numbers.join(" ")
    );
    let expected: String = numbers.iter().map(|number| format!("{number} -1 38\n")).collect();
    check(&script, &format!("{expected}clone -1 38\ndeathsig -1 38\ntiocsti -1 38\n"));
}

#[cfg(not(target_arch = "x86_64"))]
fn forbidden_system_calls_do_not_exist() {
    check("unshare -U true 2>/dev/null && echo made", "");
}

fn there_are_no_capabilities() {
    let expected = "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
                    CapBnd:\t0000000000000000\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2";
    check("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status", expected);
}

fn processes_are_bounded() {
    let mut world = World::new();
    let limit_before = fs::read_to_string("/proc/sys/kernel/pid_max").unwrap();
    let script = "perl -e 'my $n = 0; while ($n < 5000) { my $p = fork(); last unless defined $p; \
                  if (!$p) { sleep 30; exit } $n++ } print \"$n\\n\"; kill 9, -1'";
    let (text, _) = world.sh(script);
    let made: u64 = text.lines().next().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{text}"));
    let most = if is_root() { 300 + 256 } else { 256 };
    assert!((100..=most).contains(&made), "{made}");
    assert_eq!(fs::read_to_string("/proc/sys/kernel/pid_max").unwrap(), limit_before, "the host's limit moved");
}

fn memory_is_bounded() {
    let mut world = World::new();
    let mut plan = world.script(vec![], "perl -e 'my $x = \"x\" x (512*1024*1024); print \"got it\\n\"'");
    let (text, _) = world.run(&plan, &[]);
    assert_eq!(text, "got it\n");
    plan.limits.memory_bytes = Some(256 * 1024 * 1024);
    let (text, end) = world.run(&plan, &[]);
    assert!(!text.contains("got it") && end != ChildEnd::Code(0), "{text} {end:?}");
}

fn the_disk_is_bounded() {
    let mut world = World::new();
    // In memory: by the size of /tmp.
    let (text, _) = world.sh("head -c 400000000 /dev/zero > /tmp/big 2>/tmp/why; stat -c %s /tmp/big");
    let size: u64 = text.trim().parse().unwrap_or_else(|_| panic!("{text}"));
    assert!(size <= genoa_sandbox::plan::TEMPORARY_BYTES, "{size}");
    // One file: by its size. Many files: by the free space of the disk.
    let mut plan = world.script(vec![world.files(Access::Write)], "head -c 2000000 /dev/zero > one; stat -c %s one");
    plan.limits.file_bytes = 1_000_000;
    let (text, _) = world.run(&plan, &[]);
    assert!(text.contains("1000000") && !text.contains("2000000"), "{text}");
    // On a disk of its own, in memory, where nobody else frees what this one fills.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    world.layout = ViewLayout::new(memory.path(), genoa_abi::ViewId(2), &world.layout.workspace);
    world.layout.open().unwrap();
    let script = "for i in $(seq 40); do head -c 10000000 /dev/zero > many$i; done; sleep 5; echo survived";
    let mut plan = world.script(vec![world.files(Access::Write)], script);
    plan.limits.growth.as_mut().unwrap().bytes = 50_000_000;
    let (text, end) = world.run(&plan, &[]);
    assert_eq!((text.as_str(), end), ("", ChildEnd::DiskFilled));
}

fn descriptors_and_environment_do_not_leak() {
    let mut world = World::new();
    let (text, _) =
        world.sh("ls /proc/self/fd; env | sort | grep -v ^PWD= | grep -v ^_=; ulimit -n; cat /etc/passwd | wc -l");
    let expected = "0\n1\n2\n3\nHOME=/tmp\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nTZ=Europe/Rome\n1024\n1\n";
    assert_eq!(text, expected);
}

/// A login shell allows 1,024 open descriptors as a rule, and up to a higher limit to whom asks for more.
fn a_low_limit_of_descriptors_is_raised_for_the_jail() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..before }).unwrap();
    let mut world = World::new();
    let (text, _) = world.sh("ulimit -n");
    setrlimit(Resource::Nofile, before).unwrap();
    assert_eq!(text, "1024\n");
}

fn given_descriptors_arrive() {
    let mut world = World::new();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let (mut second, theirs_second) = UnixStream::pair().unwrap();
    let plan = world.script(vec![], "echo three >&3; echo four >&4; echo five >&5");
    let fds: Vec<OwnedFd> = vec![theirs.into(), theirs_second.into()];
    let (text, _) = world.run(&plan, &fds);
    drop(fds);
    let read = |stream: &mut UnixStream| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!((read(&mut ours), read(&mut second)), ("three\n".into(), "four\n".into()));
    assert!(text.contains("Bad file descriptor"), "{text}");
}

fn a_reader_of_model_files_has_these_and_no_other() {
    let mut world = World::new();
    let mut plan = genoa_sandbox::plan_model_file(1000, &world.machine).unwrap();
    let secret = world.folder.path().join("secret");
    // Only what the shell does by itself: no other program can be started.
    let script = format!(
        "read line <&4; echo \"$line\"; read other <{}; echo \"[$other]\"; \
         printf %900s a >&5; printf %900s b >&5",
        secret.display()
    );
    plan.program.path = "/usr/bin/sh".into();
    plan.program.arguments = vec!["-c".into(), script];
    let input = world.folder.path().join("input");
    fs::write(&input, "the model\n").unwrap();
    let (_socket, theirs) = UnixStream::pair().unwrap();
    let output = tempfile::tempfile().unwrap();
    let fds: Vec<OwnedFd> =
        vec![theirs.into(), fs::File::open(&input).unwrap().into(), output.try_clone().unwrap().into()];
    let (text, _) = world.run(&plan, &fds);
    assert!(text.starts_with("the model\n") && text.contains("[]") && text.contains("I/O error"), "{text}");
    assert_eq!(output.metadata().unwrap().len(), 1000, "it grows to what was agreed, and no further");
    assert_eq!(plan.network, genoa_sandbox::plan::Network::None);
}

fn the_gateway_lets_in_who_connects_and_reaches_nobody() {
    let mut world = World::new();
    let plan = genoa_sandbox::plan_gateway(&world.machine).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let targets = [
        elsewhere.local_addr().unwrap().to_string(),
        world.folder.path().join("secret").display().to_string(),
        world.workspace().join("file").display().to_string(),
    ];
    let (ours, theirs) = UnixStream::pair().unwrap();
    let client = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(format!("{}\n", targets.join("\n")).as_bytes()).unwrap();
        let mut told = String::new();
        stream.read_to_string(&mut told).unwrap();
        told
    });
    let (_, end) = world.run(&plan, &[theirs.into(), listener.into()]);
    assert_eq!(end, ChildEnd::Code(0));
    drop(ours);
    let told = client.join().unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 6, "{told}");
    assert!(lines.iter().all(|line| line.ends_with("Unsupported") || line.ends_with("NotFound")), "{told}");
}

/// The jailed side: tells who connected first what else it could do.
pub(crate) fn let_one_in_and_try_more() -> ExitCode {
    let listener = TcpListener::from(genoa_sys::inherit::take(4).unwrap());
    let mut lines = BufReader::new(listener.accept().unwrap().0);
    let mut line = || {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    let [address, secret, file] = [line(), line(), line()];
    let outcomes = [
        ("connect", TcpStream::connect(&address).err()),
        ("listen", TcpListener::bind("127.0.0.1:0").err()),
        ("send", UdpSocket::bind("127.0.0.1:0").err()),
        ("reach a path", UnixStream::connect("/run/genoa.sock").err()),
        ("read the home", fs::read(&secret).err()),
        ("read the workspace", fs::read(&file).err()),
    ];
    let stream = lines.get_mut();
    for (what, error) in outcomes {
        writeln!(stream, "{what}: {}", error.map_or_else(|| "done".to_owned(), |error| format!("{:?}", error.kind())))
            .unwrap();
    }
    ExitCode::SUCCESS
}

fn a_jail_can_be_ended() {
    let mut world = World::new();
    let plan = world.script(vec![], "sleep 60");
    let log: OwnedFd = tempfile::tempfile().unwrap().into();
    let id = world.start(&plan, &[], &log);
    assert!(matches!(world.news(Duration::from_secs(5)), SpawnerNews::Started { .. }));
    world.spawner.kill(id).unwrap();
    assert_eq!(world.end_of(id), ChildEnd::Signal(9));
}

fn the_jails_end_with_the_spawner() {
    let mut world = World::new();
    let plan = world.script(vec![], "sleep 60 & sleep 60");
    let log: OwnedFd = tempfile::tempfile().unwrap().into();
    world.start(&plan, &[], &log);
    let SpawnerNews::Started { pid, .. } = world.news(Duration::from_secs(5)) else { panic!("not started") };
    assert!(is_alive(pid));
    let spawner = rustix::process::Pid::from_raw(i32::try_from(world.spawner.pid()).unwrap()).unwrap();
    rustix::process::kill_process(spawner, rustix::process::Signal::KILL).unwrap();
    let start = Instant::now();
    while is_alive(pid) {
        assert!(start.elapsed() < Duration::from_secs(5), "the jail outlives its spawner");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(world.spawner.receive().is_err());
}

/// A process that ended but was not waited for counts as dead.
fn is_alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with(['Z', 'X']))
}

fn a_look_at_the_host_is_a_look_only() {
    let mut world = World::new();
    let own = std::process::id();
    let script = format!(
        "cut -d' ' -f1 /proc/{own}/stat; cat /proc/{own}/environ >/dev/null 2>&1 && echo environ; \
         kill -0 {own} 2>/dev/null && echo reachable; test -e /proc/1/cmdline && echo first; \
         echo x 2>/dev/null > /proc/sys/kernel/core_pattern; echo $(ls /proc/{own}/root 2>/dev/null | wc -l)"
    );
    let plan = world.script(vec![Right::Host { area: "processes".into() }], &script);
    let (text, _) = world.run(&plan, &[]);
    assert!(text.starts_with(&format!("{own}\nfirst\n")), "{text}");
    assert!(text.ends_with("\n0\n"), "{text}");
    check(&format!("test -e /proc/{own}x/stat && echo seen; ls /proc | grep -c meminfo"), "0");
}
