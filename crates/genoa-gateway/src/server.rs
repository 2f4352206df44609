//! The server: paths, the token, and how many are served at once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use genoa_abi::limits::EMBED_TEXTS;
use genoa_abi::session::SessionRequest;
use genoa_abi::{ErrorCode, Failure};
use serde::Deserialize;
use serde_json::{Value as Json_, json};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::answer::{Heading, Stream, whole};
use crate::chat::ChatRequest;
use crate::daemon::{Daemon, Told};
use crate::failures::ApiFailure;
use crate::token::{random_digits, same};

/// Requests that are worked on at once; the daemon's model works on fewer, by their class.
const RUNNING: usize = 16;
/// Requests that wait beside these; who comes then is told to come again.
const WAITING: usize = 240;
/// One request's body.
const BODY_BYTES: usize = 4 * 1024 * 1024;
/// Pieces of an answer that wait to be read.
const UNREAD_PIECES: usize = 64;
/// How often a stream in which nothing is written yet shows that it is alive.
const ALIVE: Duration = Duration::from_secs(10);
/// How long a stream waits for its first piece before it begins.
const FIRST: Duration = Duration::from_secs(2);
/// What is taken for a token where the daemon does not count them.
const BYTES_PER_TOKEN: usize = 3;
/// Random bytes of an answer's name.
const ID_BYTES: usize = 12;

/// How to serve.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// In whose name, and in which folder, it is asked.
    pub session: SessionRequest,
    /// The name of the model that answers.
    pub model: String,
    /// What every request must bring.
    pub token: String,
    /// The port on loopback; 0 for any that is free.
    pub port: u16,
}

/// Serves until the process ends. `ready` hears the address.
///
/// # Errors
/// [`ErrorCode::Conflict`] where the port is taken, [`ErrorCode::Internal`] where the server ends.
pub fn serve(options: GatewayOptions, ready: impl FnOnce(SocketAddr)) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::new(ErrorCode::Internal, "the gateway cannot go on").because(error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(broken)?;
    runtime.block_on(async {
        // Loopback and nothing else: who wants it elsewhere puts a proxy with its own guard before it.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = tokio::net::TcpListener::bind(address).await.map_err(|error| {
            Failure::new(ErrorCode::Conflict, format!("{address} cannot be listened at"))
                .because(error)
                .try_next("Choose another port with `--port`")
        })?;
        ready(listener.local_addr().map_err(broken)?);
        axum::serve(listener, router(options)).await.map_err(broken)
    })
}

fn router(options: GatewayOptions) -> Router {
    let gateway = Arc::new(Gateway {
        daemon: Arc::new(Daemon::at(options.socket, options.session)),
        model: options.model,
        token: options.token,
        places: Arc::new(Semaphore::new(RUNNING + WAITING)),
        running: Arc::new(Semaphore::new(RUNNING)),
        began: now(),
    });
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(model))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/embeddings", post(embeddings))
        .fallback(|| async { ApiFailure::no_such_page() })
        .method_not_allowed_fallback(|| async { ApiFailure::wrong_method() })
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&gateway), check_token))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(gateway)
}

/// What all requests share.
struct Gateway {
    daemon: Arc<Daemon>,
    model: String,
    token: String,
    /// Requests that are here at all.
    places: Arc<Semaphore>,
    /// Requests that are worked on.
    running: Arc<Semaphore>,
    began: u64,
}

impl Gateway {
    /// A place to wait in.
    fn place(&self) -> Result<OwnedSemaphorePermit, ApiFailure> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| ApiFailure::too_many())
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit, ApiFailure> {
        Arc::clone(&self.running).acquire_owned().await.map_err(|_| ApiFailure::too_many())
    }

    fn check_model(&self, name: &str) -> Result<(), ApiFailure> {
        if name == self.model { Ok(()) } else { Err(ApiFailure::no_model(name, &self.model)) }
    }

    fn heading(&self, kind: &str) -> Result<Heading, ApiFailure> {
        Ok(Heading {
            id: format!("{kind}-{}", random_digits::<ID_BYTES>()?),
            created: now(),
            model: self.model.clone(),
        })
    }

    fn described(&self) -> Json_ {
        json!({ "id": self.model, "object": "model", "created": self.began, "owned_by": "genoa" })
    }
}

type Shared = State<Arc<Gateway>>;

async fn check_token(State(gateway): Shared, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given =
        given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match given {
        Some((_, token)) if same(token.trim(), &gateway.token) => next.run(request).await,
        _ => ApiFailure::no_token().into_response(),
    }
}

async fn models(State(gateway): Shared) -> Json<Json_> {
    Json(json!({ "object": "list", "data": [gateway.described()] }))
}

async fn model(State(gateway): Shared, Path(name): Path<String>) -> Result<Json<Json_>, ApiFailure> {
    gateway.check_model(&name)?;
    Ok(Json(gateway.described()))
}

async fn chat(
    State(gateway): Shared,
    request: Result<Json<ChatRequest>, JsonRejection>,
) -> Result<Response, ApiFailure> {
    let place = gateway.place()?;
    let Json(request) = request.map_err(|rejection| ApiFailure::unreadable(&rejection))?;
    gateway.check_model(&request.model)?;
    let (asked, heading) = (request.asked()?, gateway.heading("chatcmpl")?);
    let turn = gateway.turn().await?;
    let (teller, mut listener) = channel(UNREAD_PIECES);
    let (daemon, infer) = (Arc::clone(&gateway.daemon), asked.infer);
    tokio::task::spawn_blocking(move || {
        daemon.infer(infer, &teller);
        drop((place, turn));
    });
    let no_answer = || Failure::new(ErrorCode::Internal, "the daemon gave no answer");
    if !asked.stream {
        let Some(Told::End(outcome)) = listener.recv().await else { return Err(no_answer().into()) };
        return Ok(Json(whole(&heading, &(*outcome)?, asked.has_tools)).into_response());
    }
    let stream = Stream::new(heading, asked.has_tools, asked.tells_usage);
    let mut telling = Telling { stream, listener, waiting: VecDeque::new(), is_over: false };
    // A failure that shows at once still has a status of its own.
    match tokio::time::timeout(FIRST, telling.listener.recv()).await {
        Ok(None) => return Err(no_answer().into()),
        Ok(Some(Told::End(outcome))) => telling.take(Told::End(Box::new(Ok((*outcome)?)))),
        Ok(Some(words)) => telling.take(words),
        Err(_) => {}
    }
    let events = stream::unfold(Some(telling), Telling::next);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response())
}

/// An answer on its way to who asked.
struct Telling {
    stream: Stream,
    listener: Receiver<Told>,
    waiting: VecDeque<Json_>,
    is_over: bool,
}

impl Telling {
    fn take(&mut self, told: Told) {
        match told {
            Told::Words(text) => self.waiting.extend(self.stream.wrote(&text)),
            Told::End(outcome) => {
                self.is_over = true;
                match *outcome {
                    Ok(reply) => self.waiting.extend(self.stream.ended(&reply)),
                    Err(failure) => self.waiting.push_back(ApiFailure::from(failure).body()),
                }
            }
        }
    }

    /// The next event, and what comes after it; nothing after the last.
    async fn next(telling: Option<Self>) -> Option<(Result<Event, Infallible>, Option<Self>)> {
        let mut telling = telling?;
        loop {
            if let Some(json) = telling.waiting.pop_front() {
                return Some((Ok(Event::default().data(json.to_string())), Some(telling)));
            }
            if telling.is_over {
                return Some((Ok(Event::default().data("[DONE]")), None));
            }
            let gone = || Told::End(Box::new(Err(Failure::new(ErrorCode::Internal, "the daemon gave no answer"))));
            let told = telling.listener.recv().await.unwrap_or_else(gone);
            telling.take(told);
        }
    }
}

/// Texts to turn into vectors.
#[derive(Clone, Debug, Deserialize)]
struct EmbeddingsRequest {
    model: String,
    input: Input,
    #[serde(default)]
    encoding_format: Encoding,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Several(Vec<String>),
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

async fn embeddings(
    State(gateway): Shared,
    request: Result<Json<EmbeddingsRequest>, JsonRejection>,
) -> Result<Json<Json_>, ApiFailure> {
    let place = gateway.place()?;
    let Json(request) = request.map_err(|rejection| ApiFailure::unreadable(&rejection))?;
    gateway.check_model(&request.model)?;
    let texts = match request.input {
        Input::One(text) => vec![text],
        Input::Several(texts) => texts,
    };
    if texts.is_empty() || texts.len() > EMBED_TEXTS || texts.iter().any(String::is_empty) {
        let what = format!("1 to {EMBED_TEXTS} texts, none of them empty");
        return Err(ApiFailure::of_field("input", what));
    }
    let turn = gateway.turn().await?;
    let (daemon, encoding) = (Arc::clone(&gateway.daemon), request.encoding_format);
    let bytes: usize = texts.iter().map(String::len).sum();
    let work = tokio::task::spawn_blocking(move || {
        let vectors = daemon.embed(texts);
        drop((place, turn));
        vectors
    });
    let vectors = work.await.map_err(|error| Failure::new(ErrorCode::Internal, "embedding broke").because(error))??;
    let data = vectors.iter().enumerate().map(
        |(index, vector)| json!({ "object": "embedding", "index": index, "embedding": encoded(vector, encoding) }),
    );
    let tokens = bytes.div_ceil(BYTES_PER_TOKEN);
    Ok(Json(json!({
        "object": "list", "data": data.collect::<Vec<_>>(), "model": gateway.model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })))
}

fn encoded(vector: &[f32], encoding: Encoding) -> Json_ {
    match encoding {
        Encoding::Float => json!(vector),
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
