//! llama.cpp's own programs, the peers of the model runtime: its server, as it is asked over HTTP, and its benchmark.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::ask::{Answered, Ask};
use super::{Process, ending_with_me};

/// How long it may take to load its model.
const READY: Duration = Duration::from_secs(120);
/// How long one waits who was refused.
const AGAIN: Duration = Duration::from_secs(1);

/// A server of its own; dropping it ends it.
pub(crate) struct Peer {
    _process: Process,
    port: u16,
    /// Taken while it answers one who does not queue.
    taken: Mutex<()>,
}

impl Peer {
    /// Starts it with as many slots, which share one cache where there are several.
    pub(crate) fn start(model: &Path, slots: usize, threads: u32) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = ending_with_me(programs().join("llama-server"));
        command.arg("-m").arg(model);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "-c", "16384", "-fa", "auto", "--no-webui"]);
        command.args(["-t", &threads.to_string(), "-tb", &threads.to_string(), "-np", &slots.to_string()]);
        if slots > 1 {
            command.arg("-kvu");
        }
        let process = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let peer = Self { _process: process, port, taken: Mutex::new(()) };
        let begun = Instant::now();
        while !peer.is_ready() {
            assert!(begun.elapsed() < READY, "llama-server does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        peer
    }

    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let request = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let mut line = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && BufReader::new(stream).read_line(&mut line).is_ok()
            && line.contains(" 200 ")
    }

    /// Asks as agents do that have nobody who schedules them: whoever comes while another is answered is refused, and comes again
    /// after [`AGAIN`].
    pub(crate) fn ask_until_taken(&self, ask: &Ask) -> Answered {
        loop {
            if let Ok(_taken) = self.taken.try_lock() {
                return self.ask(ask);
            }
            std::thread::sleep(AGAIN);
        }
    }

    /// Asks, and waits for the end of the answer.
    pub(crate) fn ask(&self, ask: &Ask) -> Answered {
        let body = json!({
            "messages": ask.messages(), "max_tokens": ask.max_tokens, "temperature": 0, "stream": true, "ignore_eos": true,
            "stream_options": { "include_usage": true },
        })
        .to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let begun = Instant::now();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let (mut first, mut text, mut tokens) = (None, String::new(), 0);
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let Ok(chunk) = serde_json::from_str::<Json>(data) else { continue };
            if let Some(part) = chunk["choices"][0]["delta"]["content"].as_str().filter(|part| !part.is_empty()) {
                first.get_or_insert_with(|| begun.elapsed());
                text.push_str(part);
            }
            if let Some(written) = chunk["usage"]["completion_tokens"].as_u64() {
                tokens = written;
            }
        }
        Answered { first: first.expect("an answer"), whole: begun.elapsed(), tokens, text }
    }
}

/// What llama.cpp's benchmark measures once with these arguments.
pub(crate) fn tokens_per_second(model: &Path, threads: u32, arguments: &[&str]) -> f64 {
    let mut command = Command::new(programs().join("llama-bench"));
    command
        .arg("-m")
        .arg(model)
        .args(["-t", &threads.to_string(), "-r", "1", "-fa", "auto", "-o", "json"])
        .args(arguments);
    let measured = command.stderr(Stdio::null()).output().unwrap();
    let rows: Json = serde_json::from_slice(&measured.stdout).expect("llama-bench answers in JSON");
    rows[0]["avg_ts"].as_f64().expect("a figure")
}

/// Where llama.cpp's programs are; they are built where they are not.
fn programs() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let script = root.join("benches/peers/llama-cpp.sh");
    let built = Command::new(script).arg(target.join("peers/llama-cpp")).stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "llama.cpp's programs could not be built");
    PathBuf::from(String::from_utf8(built.stdout).unwrap().trim())
}
