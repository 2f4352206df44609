//! A home and a workspace for one test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A home of its own with a workspace; its daemon ends with it.
pub(crate) struct World {
    folder: tempfile::TempDir,
    home: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::build(None)
    }

    /// A world whose home is elsewhere.
    pub(crate) fn with_home(home: PathBuf) -> Self {
        Self::build(Some(home))
    }

    fn build(home: Option<PathBuf>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        let home = home.unwrap_or_else(|| folder.path().join("home"));
        let world = Self { folder, home };
        world.write("notes/a.md", "# Alpha\n\nfirst note\n");
        world.write("notes/b.md", "# Beta\n\nsecond note\n");
        world.write("report.txt", "The report.\n");
        let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada Okafor\r\nEMAIL:ada@example.org\r\nEND:VCARD\r\n";
        world.write("contacts.vcf", card);
        world
    }

    pub(crate) fn work(&self) -> PathBuf {
        std::fs::canonicalize(self.folder.path().join("work")).unwrap()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.home.clone()
    }

    /// Where the models are.
    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Puts a file there that is called a model and is none: a worker starts with it, and says so when it is asked.
    pub(crate) fn add_broken_model(&self, name: &str) {
        let folder = self.cache().join("genoa/models").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{}.gguf", "0".repeat(64))), "this is no model").unwrap();
    }

    /// Has the small model of the tests: those of the engine fetched it into the cache of the person who runs them.
    pub(crate) fn add_small_model(&self) {
        let name = "smollm2-135m";
        let theirs = genoa_model::store::find(&genoa_model::store::default_folder(), name).unwrap().path;
        let folder = self.cache().join("genoa/models").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let ours = folder.join(theirs.file_name().unwrap());
        std::fs::hard_link(&theirs, &ours).or_else(|_| std::fs::copy(&theirs, &ours).map(|_| ())).unwrap();
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join("work").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.work().join(path)).ok()
    }

    /// Writes the person's configuration file.
    pub(crate) fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.home()).unwrap();
        std::fs::write(self.home().join("config.toml"), text).unwrap();
    }

    /// `genoa` with these arguments, in the workspace.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_genoa")), arguments)
    }

    /// The same for another binary.
    pub(crate) fn command_of(&self, binary: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .current_dir(self.work())
            .env("GENOA_HOME", self.home())
            .env("XDG_CACHE_HOME", self.cache())
            .env_remove("XDG_DATA_HOME")
            .stdin(std::process::Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs and expects success; gives what was printed as data.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?} ended with {}\n{out}{err}", output.status);
        out
    }

    /// Runs and expects this exit status; gives everything that was printed.
    pub(crate) fn ends(&self, arguments: &[&str], status: i32) -> String {
        let output = self.run(arguments);
        let all = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}\n{all}");
        all
    }

    /// Runs a plan; gives everything that was printed.
    pub(crate) fn plan(&self, source: &str, status: i32) -> String {
        let file = self.folder.path().join("test.plan");
        std::fs::write(&file, source).unwrap();
        self.ends(&["plan", "run", file.to_str().unwrap()], status)
    }

    /// The process number of the daemon, if one has this home.
    pub(crate) fn daemon(&self) -> Option<u32> {
        let wanted = format!("GENOA_HOME={}", self.home().display());
        std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let arguments = std::fs::read(entry.path().join("cmdline")).ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let is_daemon = arguments.split(|byte| *byte == 0).nth(1) == Some(b"daemon");
            let is_ours = environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes());
            (is_daemon && is_ours).then_some(pid)
        })
    }

    /// Ends the daemon the hard way.
    pub(crate) fn kill_daemon(&self) {
        while let Some(pid) = self.daemon() {
            // It may have ended by itself meanwhile: then there is nothing to kill.
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).stderr(std::process::Stdio::null()).status();
            // Its lock may be free before its socket is closed: the next command would reach a dead daemon.
            for _ in 0..200 {
                if is_dead(&pid.to_string()) {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }

    /// Every file below the workspace with its content.
    pub(crate) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        fn add(root: &Path, folder: &Path, tree: &mut BTreeMap<String, Vec<u8>>) {
            // What goes away while it is looked at is not there.
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let (path, kind) = (entry.path(), entry.file_type());
                if kind.is_ok_and(|kind| kind.is_dir()) {
                    add(root, &path, tree);
                } else if let Ok(content) = std::fs::read(&path) {
                    let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                    tree.insert(name, content);
                }
            }
        }
        let mut tree = BTreeMap::new();
        add(&self.work(), &self.work(), &mut tree);
        tree
    }
}

/// Whether a process is gone, or waits only for its parent to hear of it.
fn is_dead(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status
        .lines()
        .find(|line| line.starts_with("State:"))
        .is_none_or(|state| state.contains('Z') || state.contains('X'))
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill_daemon();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
