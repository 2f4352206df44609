//! Connections, and how long each may do nothing: one that never says what it wants, lies idle or never reads ends, and where all
//! places are taken the one that was idle longest makes room.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::limits::Limits;

/// Listens, and lets in as many as there are places.
pub(crate) struct Door {
    listener: TcpListener,
    limits: Limits,
    places: Arc<Semaphore>,
    open: Arc<Mutex<BTreeMap<u64, Pulse>>>,
    count: u64,
}

impl Door {
    pub(crate) fn new(listener: TcpListener, limits: Limits) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections));
        Self { listener, limits, places, open: Arc::default(), count: 0 }
    }

    /// A place; where there is none, the connection that was idle longest is asked to end.
    async fn place(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return place;
            }
            let idle = lock(&self.open)
                .values()
                .filter_map(|pulse| Some((pulse.idle_since()?, pulse.clone())))
                .min_by_key(|(since, _)| *since);
            match idle {
                Some((since, pulse)) if since.elapsed() >= self.limits.spared => pulse.end(),
                _ => {}
            }
            let place = Arc::clone(&self.places).acquire_owned();
            if let Ok(Ok(place)) = timeout(self.limits.spared, place).await {
                return place;
            }
        }
    }
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let place = self.place().await;
        // Words are sent as they come.
        let _ = stream.set_nodelay(true);
        self.count += 1;
        let pulse = Pulse::default();
        lock(&self.open).insert(self.count, pulse.clone());
        let seat = Seat { number: self.count, open: Arc::clone(&self.open), _place: place };
        let timer = Box::pin(sleep_until(Instant::now()));
        (Connection { stream, pulse, limits: self.limits, reading: timer, writing: None, _seat: seat }, address)
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection's place among those that are open.
struct Seat {
    number: u64,
    open: Arc<Mutex<BTreeMap<u64, Pulse>>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        lock(&self.open).remove(&self.number);
    }
}

/// What a connection does, as those who serve it and those who watch it see it.
#[derive(Clone)]
pub(crate) struct Pulse(Arc<Mutex<Beat>>);

struct Beat {
    /// Requests that are answered on it.
    at_work: usize,
    /// Since when there is none, and nothing moves.
    idle: Instant,
    /// When the head began that is arriving.
    head: Option<Instant>,
    /// Whether it was ever asked for something.
    is_used: bool,
    has_to_end: bool,
    reader: Option<Waker>,
}

impl Default for Pulse {
    fn default() -> Self {
        let idle = Instant::now();
        Self(Arc::new(Mutex::new(Beat {
            at_work: 0,
            idle,
            head: None,
            is_used: false,
            has_to_end: false,
            reader: None,
        })))
    }
}

impl Pulse {
    /// A request's head is here; it is answered until the guard goes.
    pub(crate) fn work(&self) -> Work {
        let mut beat = lock(&self.0);
        beat.at_work += 1;
        beat.is_used = true;
        beat.head = None;
        Work(self.clone())
    }

    fn idle_since(&self) -> Option<Instant> {
        let beat = lock(&self.0);
        (beat.at_work == 0 && !beat.has_to_end).then_some(beat.idle)
    }

    fn end(&self) {
        let mut beat = lock(&self.0);
        beat.has_to_end = true;
        if let Some(reader) = beat.reader.take() {
            reader.wake();
        }
    }

    /// Until when something must come in; nothing while a request is answered.
    fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let beat = lock(&self.0);
        match (beat.at_work, beat.head) {
            (1.., _) => None,
            _ if beat.has_to_end => Some(beat.idle),
            (0, Some(head)) => Some(head + limits.head),
            (0, None) if beat.is_used => Some(beat.idle + limits.idle),
            (0, None) => Some(beat.idle + limits.head),
        }
    }
}

/// A request that is being answered: its connection is not idle.
pub(crate) struct Work(Pulse);

impl Drop for Work {
    fn drop(&mut self) {
        let mut beat = lock(&self.0.0);
        beat.at_work -= 1;
        beat.idle = Instant::now();
        // The server waits for the next request already; only reading again makes it wait no longer than it may.
        if let Some(reader) = beat.reader.take() {
            reader.wake();
        }
    }
}

impl Connected<IncomingStream<'_, Door>> for Pulse {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().pulse.clone()
    }
}

/// A connection under these rules. To who reads it, one that has to end is one that the client ended.
pub(crate) struct Connection {
    stream: TcpStream,
    pulse: Pulse,
    limits: Limits,
    reading: Pin<Box<Sleep>>,
    writing: Option<Pin<Box<Sleep>>>,
    _seat: Seat,
}

impl Connection {
    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let Some(deadline) = self.pulse.deadline(&self.limits) else { return false };
        if self.reading.deadline() != deadline {
            self.reading.as_mut().reset(deadline);
        }
        self.reading.as_mut().poll(context).is_ready()
    }

    /// A client that reads nothing for too long is given up.
    fn wrote(&mut self, context: &mut Context<'_>, outcome: Poll<Result<usize>>) -> Poll<Result<usize>> {
        if outcome.is_ready() {
            self.writing = None;
            lock(&self.pulse.0).idle = Instant::now();
            return outcome;
        }
        let until = Instant::now() + self.limits.unread;
        let timer = self.writing.get_or_insert_with(|| Box::pin(sleep_until(until)));
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client does not read"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let this = self.get_mut();
        if this.is_over(context) {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.stream).poll_read(context, buffer);
        let mut beat = lock(&this.pulse.0);
        if outcome.is_pending() {
            beat.reader = Some(context.waker().clone());
        } else if buffer.filled().len() > before && beat.at_work == 0 {
            beat.head.get_or_insert_with(Instant::now);
        }
        outcome
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.wrote(context, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[std::io::IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.wrote(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
