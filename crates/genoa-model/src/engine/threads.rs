//! With how many threads the engine works on a machine that does other things as well: as many as there are free cores, by measurement.
//!
//! The engine's threads wait for each other after every operation, and spin while they wait. One of them that has to share its core
//! makes all wait, for whole time slices of the scheduler: two such threads are slower than one that has a core to itself. So it is
//! measured how much of the time that they ran the threads had a processor, and whether one more would have one.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// Time of computing that one judgement is about.
const WINDOW: Duration = Duration::from_secs(2);
/// Time of computing after which it is tried whether there is room for one more; twice that after each time that there was none.
const TRY: Duration = Duration::from_secs(8);
const LONGEST_TRY: Duration = Duration::from_secs(64);
/// Time for which another thread is tried at most: a step that reads a prompt may take many seconds.
const TRIED: Duration = Duration::from_millis(100);
/// Threads that had less of the time than this had to share their cores.
const CROWDED: f64 = 0.8;
/// A core that one more thread had for so much of a step is free.
const FREE: f64 = 0.9;

/// What is to be done with the number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Nothing.
    Stay,
    /// Go on with so many.
    Change(u32),
    /// Let another thread spin during the next step, and say how much of the time it had a processor.
    Try,
}

/// How many threads there are, and how they fare.
#[derive(Debug)]
pub(super) struct Threads {
    now: u32,
    most: u32,
    /// Whether they may become fewer than `most`.
    fits: bool,
    window: Window,
    /// Computed since it was last tried whether there is room for more.
    untried: Duration,
    wait: Duration,
}

/// What was measured since the last judgement.
#[derive(Debug, Default)]
struct Window {
    /// Time that steps took.
    took: Duration,
    /// Processor time that all threads had in it.
    had: Duration,
}

impl Threads {
    /// `most` at first; where it `fits`, as many of them as there are free cores.
    pub(super) fn new(most: u32, fits: bool) -> Self {
        let most = most.max(1);
        Self { now: most, most, fits, window: Window::default(), untried: Duration::ZERO, wait: TRY }
    }

    /// How many there are.
    pub(super) fn now(&self) -> u32 {
        self.now
    }

    /// A step took so long, and its threads had a processor for so long together. What a thread beside them took is not among it.
    pub(super) fn after_step(&mut self, took: Duration, had: Duration) -> Advice {
        self.window.took += took;
        self.window.had += had;
        self.untried += took;
        if !self.fits || self.window.took < WINDOW {
            return Advice::Stay;
        }
        let Window { took, had } = std::mem::take(&mut self.window);
        let cores = had.as_secs_f64() / took.as_secs_f64();
        if self.now > 1 && cores < CROWDED * f64::from(self.now) {
            // What is left of the cores without the one that is shared most.
            let fewer = (1..self.now).rev().find(|count| f64::from(*count) <= cores).unwrap_or(1);
            return Advice::Change(fewer);
        }
        if self.now < self.most && self.untried >= self.wait {
            self.untried = Duration::ZERO;
            return Advice::Try;
        }
        Advice::Stay
    }

    /// From now on there are so many.
    pub(super) fn set(&mut self, count: u32) {
        // Where one more was right there may be room for another, and where it was wrong the next try can wait.
        self.wait = if count > self.now { TRY } else { (self.wait * 2).min(LONGEST_TRY) };
        self.untried = Duration::ZERO;
        self.window = Window::default();
        self.now = count;
    }

    /// One more thread had a processor for this part of a step. On a machine that stays busy it is tried less and less often.
    pub(super) fn after_try(&mut self, had: f64) -> Advice {
        if had >= FREE {
            return Advice::Change((self.now + 1).min(self.most));
        }
        self.wait = (self.wait * 2).min(LONGEST_TRY);
        Advice::Stay
    }
}

/// Processor time of this process so far, all threads together.
pub(super) fn process_time() -> Duration {
    time_of(ClockId::ProcessCPUTime)
}

/// Spins until `is_over`, for [`TRIED`] at most; says for what part of the time it had a processor.
pub(super) fn spin(is_over: impl Fn() -> bool) -> f64 {
    let (begun, before) = (Instant::now(), time_of(ClockId::ThreadCPUTime));
    while !is_over() && begun.elapsed() < TRIED {
        std::hint::spin_loop();
    }
    let had = time_of(ClockId::ThreadCPUTime).saturating_sub(before);
    had.as_secs_f64() / begun.elapsed().as_secs_f64().max(f64::EPSILON)
}

fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Advice, Threads, spin};

    const STEP: Duration = Duration::from_millis(100);

    /// Computes for so many seconds on a machine where each of its threads has this share of a core, and one more would have `free`.
    fn run(threads: &mut Threads, seconds: u32, share: impl Fn(u32) -> f64, free: f64) -> u32 {
        for _ in 0..seconds * 10 {
            let had = STEP.mul_f64(f64::from(threads.now()) * share(threads.now()));
            let advice = match threads.after_step(STEP, had) {
                Advice::Try => threads.after_try(free),
                other => other,
            };
            if let Advice::Change(count) = advice {
                threads.set(count);
            }
        }
        threads.now()
    }

    #[test]
    fn threads_that_share_their_cores_become_fewer_and_come_back() {
        let mut threads = Threads::new(2, true);
        assert_eq!(run(&mut threads, 60, |_| 0.98, 0.0), 2, "an idle machine");
        assert_eq!(run(&mut threads, 3, |_| 0.67, 0.4), 1, "one other program on two cores");
        assert_eq!(run(&mut threads, 200, |_| 0.98, 0.6), 1, "as long as it runs");
        assert_eq!(run(&mut threads, 70, |_| 0.98, 0.99), 2, "when it is gone");
        let mut threads = Threads::new(8, true);
        assert_eq!(run(&mut threads, 3, |_| 0.6, 0.0), 4, "cores for 4.8 of eight");
        assert_eq!(run(&mut threads, 90, |_| 0.98, 0.98), 8);
        assert_eq!(run(&mut Threads::new(0, true), 9, |_| 0.1, 1.0), 1, "one always works");
        assert_eq!(run(&mut Threads::new(2, false), 60, |_| 0.1, 0.0), 2, "the person said how many");
    }

    #[test]
    fn on_a_machine_that_stays_busy_it_is_tried_less_and_less_often() {
        let mut threads = Threads::new(2, true);
        let mut tries = 0;
        for _ in 0..10 * 600 {
            let share = if threads.now() == 2 { 0.6 } else { 1.0 };
            match threads.after_step(STEP, STEP.mul_f64(f64::from(threads.now()) * share)) {
                Advice::Try => {
                    tries += 1;
                    assert_eq!(threads.after_try(0.3), Advice::Stay);
                }
                Advice::Change(count) => threads.set(count),
                Advice::Stay => {}
            }
        }
        assert!((5..=15).contains(&tries), "{tries} in ten minutes");
    }

    #[test]
    fn who_spins_has_a_processor_for_a_part_of_the_time() {
        let begun = Instant::now();
        for is_over in [true, false] {
            let part = spin(|| is_over && begun.elapsed() > Duration::from_millis(20));
            assert!(part > 0.0 && part <= 1.1, "{part}");
        }
    }

    proptest! {
        #[test]
        fn there_is_always_one_and_never_more_than_wanted(most in 1u32..9, shares in prop::collection::vec((0.0f64..1.1, 0.0f64..1.1), 1..60)) {
            let mut threads = Threads::new(most, true);
            for (share, free) in shares {
                let now = run(&mut threads, 5, |_| share, free);
                prop_assert!((1..=most).contains(&now));
            }
        }
    }
}
