//! The model runtime as its callers see it, through the whole daemon, beside llama.cpp's own server with the same model,
//! threads and window: a crowd that shares a prefix, agents that take several steps, the first word for a person while
//! others work, and a known prompt after a restart of everything.
//!
//! `GENOA_BENCH_MODEL` names the model, `GENOA_BENCH_SAMPLES` how often the first word is measured (20).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measuring program"
)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use genoa_abi::model::InferClass;
use genoa_daemon::Home;
use genoa_model::{catalogue, store};
use serde_json::{Value as Json, json};
use support::ask::{Answered, Ask};
use support::peer::Peer;
use support::{Daemon, quantile, row, wanted};

/// Requests that come together.
const CROWD: usize = 16;
/// Steps that each agent takes.
const STEPS: usize = 4;
/// Tokens of an answer.
const ANSWER: u32 = 60;
/// Calls in the background while a person waits.
const BACKGROUND: usize = 15;
const SAMPLES: usize = 20;

fn main() {
    let name = wanted("GENOA_BENCH_MODEL", catalogue::DEFAULT_MODEL.to_owned());
    let model = store::find(&store::default_folder(), &name).unwrap().path;
    let samples = wanted("GENOA_BENCH_SAMPLES", SAMPLES);
    let bench = Bench { name, model, samples, threads: genoa_model::engine::default_threads() };
    let rows: Vec<Json> = [bench.crowd(), bench.agents(), bench.first_word(), bench.restart()].concat();
    println!("{}", json!({"suite": "runtime", "rows": rows}));
}

struct Bench {
    name: String,
    model: PathBuf,
    samples: usize,
    threads: u32,
}

/// A daemon of its own with the model in memory, and its folders.
struct Genoa {
    _daemon: Daemon,
    socket: PathBuf,
    work: PathBuf,
}

impl Genoa {
    fn start(folder: &Path) -> Self {
        let (home, work) = (folder.join("home"), folder.join("work"));
        std::fs::create_dir_all(&work).unwrap();
        let daemon = Daemon::start_with_models(&home, &work);
        let named = |name: &str| if name == "GENOA_HOME" { Some(home.clone().into()) } else { std::env::var_os(name) };
        let genoa = Self { _daemon: daemon, socket: Home::resolve(named).unwrap().socket(), work };
        genoa.ask(&Ask::new("You answer in one word.", "Say hello.", 4), InferClass::Interactive);
        genoa
    }

    fn ask(&self, ask: &Ask, class: InferClass) -> Answered {
        ask.genoa(&self.socket, &self.work, class)
    }
}

impl Bench {
    /// Sixteen requests that share about 750 tokens, with about 150 of their own.
    fn crowd(&self) -> Vec<Json> {
        let asks: Vec<Ask> = (0..CROWD).map(|number| Ask::new(&shared(), &own(number), ANSWER)).collect();
        let folder = tempfile::tempdir().unwrap();
        let genoa = Genoa::start(folder.path());
        let ours = together(&asks, |ask| genoa.ask(ask, InferClass::Agent));
        drop(genoa);
        let theirs = self.best_peer(|peer| together(&asks, |ask| peer.ask(ask)));
        vec![self.row("sixteen requests with a shared prefix", "s", 0.5, &[ours], Some(&[theirs]))]
    }

    /// Sixteen agents that take four steps each, one after the other, in a growing conversation.
    fn agents(&self) -> Vec<Json> {
        let asks: Vec<Ask> = (0..CROWD).map(|number| Ask::new(&shared(), &own(number), ANSWER / 2)).collect();
        let walk = |ask: &Ask, answer: &(dyn Fn(&Ask) -> Answered + Sync)| {
            let mut ask = ask.clone();
            for step in 1..=STEPS {
                let said = answer(&ask).text;
                ask = ask.after(&said, &format!("That was step {step}. Go on with the next one."));
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let genoa = Genoa::start(folder.path());
        let ours = all(&asks, |ask| walk(ask, &|ask| genoa.ask(ask, InferClass::Agent)));
        drop(genoa);
        let theirs = self.best_peer(|peer| all(&asks, |ask| walk(ask, &|ask| peer.ask(ask))));
        let one = Peer::start(&self.model, 1, self.threads);
        let retried = all(&asks, |ask| walk(ask, &|ask| one.ask_until_taken(ask)));
        vec![
            self.row("sixteen agents of four steps", "s", 0.5, &[ours], Some(&[theirs])),
            self.row(
                "sixteen agents of four steps, over calling again when refused",
                "s",
                0.5,
                &[ours],
                Some(&[retried]),
            ),
        ]
    }

    /// The first word for a person, idle and with fifteen calls in the background.
    fn first_word(&self) -> Vec<Json> {
        let folder = tempfile::tempdir().unwrap();
        let genoa = Genoa::start(folder.path());
        let ours = self
            .first_words(|ask| genoa.ask(ask, InferClass::Background), |ask| genoa.ask(ask, InferClass::Interactive));
        drop(genoa);
        let peer = Peer::start(&self.model, CROWD, self.threads);
        let theirs = self.first_words(|ask| peer.ask(ask), |ask| peer.ask(ask));
        let slower = |(idle, busy): &(Vec<f64>, Vec<f64>)| quantile(busy, 0.95) / quantile(idle, 0.95);
        let (our_ratio, their_ratio) = (slower(&ours), slower(&theirs));
        vec![
            self.row("first word, idle, 95th percentile", "ms", 0.95, &ours.0, Some(&theirs.0)),
            self.row(
                "first word beside fifteen background calls, 95th percentile",
                "ms",
                0.95,
                &ours.1,
                Some(&theirs.1),
            ),
            self.row("first word beside background calls, over idle", "times", 0.5, &[our_ratio], Some(&[their_ratio])),
        ]
    }

    fn first_words(
        &self,
        background: impl Fn(&Ask) -> Answered + Sync,
        person: impl Fn(&Ask) -> Answered,
    ) -> (Vec<f64>, Vec<f64>) {
        let system = shared();
        let ask = |number: usize| Ask::new(&system, &format!("Question {number}: what can you do with notes?"), 4);
        person(&ask(0));
        let measure = |from: usize| -> Vec<f64> {
            let first_word = |number: usize| {
                // At some moment of the others' work, and not at the same one each time.
                std::thread::sleep(Duration::from_millis(500 + 377 * number as u64 % 1_700));
                milliseconds(person(&ask(number)).first)
            };
            (from..from + self.samples).map(first_word).collect()
        };
        let idle = measure(1);
        let over = AtomicBool::new(false);
        let busy = std::thread::scope(|scope| {
            for number in 0..BACKGROUND {
                let (background, over, system) = (&background, &over, &system);
                scope.spawn(move || {
                    let mut round = 0;
                    while !over.load(Ordering::Relaxed) {
                        background(&Ask::new(system, &own(number + BACKGROUND * round), 256));
                        round += 1;
                    }
                });
            }
            // Until they write.
            std::thread::sleep(Duration::from_secs(45));
            let busy = measure(1_000);
            over.store(true, Ordering::Relaxed);
            eprintln!("first words: {idle:?} ms idle, {busy:?} ms beside others");
            busy
        });
        (idle, busy)
    }

    /// The first word of a prompt of about 1,000 tokens that was read before everything was started anew.
    fn restart(&self) -> Vec<Json> {
        let folder = tempfile::tempdir().unwrap();
        let ask = |number: usize| Ask::new(&tools(42), &format!("Question {number}: what is there?"), 4);
        let fresh = milliseconds(Genoa::start(folder.path()).ask(&ask(0), InferClass::Interactive).first);
        let known: Vec<f64> = (1..=3)
            .map(|number| milliseconds(Genoa::start(folder.path()).ask(&ask(number), InferClass::Interactive).first))
            .collect();
        let gain: Vec<f64> = known.iter().map(|known| fresh / known).collect();
        vec![
            self.row("first word of a prompt of 1,000 tokens, new", "ms", 0.5, &[fresh], None),
            self.row("first word of a prompt of 1,000 tokens, known, after a restart", "ms", 0.5, &known, None),
            self.row("known prompt after a restart, times faster than new", "times", 0.5, &gain, None),
        ]
    }

    /// The better of one slot and as many as there are requests.
    fn best_peer(&self, measure: impl Fn(&Peer) -> f64) -> f64 {
        let measured = [1, CROWD].map(|slots| {
            let seconds = measure(&Peer::start(&self.model, slots, self.threads));
            eprintln!("llama-server with {slots} slots: {seconds:.1} s");
            seconds
        });
        measured[0].min(measured[1])
    }

    fn row(&self, figure: &str, unit: &str, part: f64, samples: &[f64], peer: Option<&[f64]>) -> Json {
        let figure = format!("{}: {figure}", self.name);
        row(&figure, unit, part, samples, peer.map(|samples| ("llama-server", samples)))
    }
}

/// Seconds until all are answered; each answer has to have its length, or nothing is compared.
fn together(asks: &[Ask], answer: impl Fn(&Ask) -> Answered + Sync) -> f64 {
    all(asks, |ask| {
        let answered = answer(ask);
        assert!(answered.tokens + 2 >= u64::from(ask.max_tokens), "{} tokens: {}", answered.tokens, answered.text);
        eprintln!(
            "{:.1} s to the first word, {:.1} s in all",
            answered.first.as_secs_f64(),
            answered.whole.as_secs_f64()
        );
    })
}

fn all(asks: &[Ask], each: impl Fn(&Ask) + Sync) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for ask in asks {
            let each = &each;
            scope.spawn(move || each(ask));
        }
    });
    begun.elapsed().as_secs_f64()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn shared() -> String {
    tools(30)
}

fn own(number: usize) -> String {
    let record = "The meeting was moved to the next day. ".repeat(15);
    // A question that the model answers at length.
    let question = "Explain in detail, step by step, what follows from that for the person who has to lead it.";
    format!("Record {number}. {record}{question}")
}

fn tools(count: usize) -> String {
    let mut text =
        "You help with plans and records, and you answer at length. The functions that you know are:\n".to_owned();
    for number in 0..count {
        text.push_str(&format!(
            "area{number}.find(query: str, since: str?) -> list[Record]  finds what was asked for\n"
        ));
    }
    text
}
