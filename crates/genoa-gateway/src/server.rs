//! The server: paths, the token, and how many are served at once.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use futures_util::StreamExt as _;
use genoa_abi::limits::ANSWER_TOKENS;
use genoa_abi::model::InferRequest;
use genoa_abi::{ErrorCode, Failure};
use genoa_client::Handed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json_, json};
use tokio::sync::mpsc::channel;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::asking::Asked;
use crate::chat::ChatRequest;
use crate::chat_answer::ChatAnswer;
use crate::connections::{Door, Pulse, Work};
use crate::daemon::{Daemon, Listener};
use crate::embeddings::{self, EmbeddingsRequest};
use crate::failures::ApiFailure;
use crate::heading::{Heading, now};
use crate::limits::{BODY_BYTES, HEARD_OUT_MS, Limits};
use crate::response_answer::ResponseAnswer;
use crate::responses::ResponsesRequest;
use crate::telling::{Shape, Telling};
use crate::token::same;

/// The inherited descriptor of the socket that is listened at.
pub const LISTENER_FD: i32 = 4;

/// What the server is told first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GatewayOptions {
    /// The name of the model that answers.
    pub model: String,
    /// What every request must bring.
    pub token: String,
}

/// The server's main: serves who connects at `listener`, until the process ends. By `way` it is told [`GatewayOptions`], and gets
/// connections to the daemon, which may ask the model and nothing else.
///
/// # Errors
/// [`ErrorCode::Interrupted`] where nobody is at the other end of `way`, [`ErrorCode::Internal`] where the server ends.
pub fn gateway_main(way: OwnedFd, listener: OwnedFd) -> Result<(), Failure> {
    serve_within(way, listener.into(), Limits::default())
}

/// As [`gateway_main`], within limits.
pub(crate) fn serve_within(way: OwnedFd, listener: TcpListener, limits: Limits) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::new(ErrorCode::Internal, "the gateway cannot go on").because(error);
    let (handed, options) = Handed::over::<GatewayOptions>(way)?;
    // As many threads wait for the daemon as requests are worked on.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(limits.running).build();
    runtime.map_err(broken)?.block_on(async {
        listener.set_nonblocking(true).map_err(broken)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(broken)?;
        let service = router(options, handed, limits).into_make_service_with_connect_info::<Pulse>();
        axum::serve(Door::new(listener, limits), service).await.map_err(broken)
    })
}

fn router(options: GatewayOptions, handed: Handed, limits: Limits) -> Router {
    let gateway = Arc::new(Gateway {
        daemon: Arc::new(Daemon::behind(handed)),
        model: options.model,
        token: options.token,
        places: Arc::new(Semaphore::new(limits.running + limits.waiting)),
        running: Arc::new(Semaphore::new(limits.running)),
        limits,
        began: now(),
    });
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(model))
        .route("/v1/chat/completions", post(chat))
        .route("/v1/responses", post(responses))
        .route("/v1/responses/{*id}", any(|request| refuse(request, ApiFailure::not_kept())))
        .route("/v1/embeddings", post(embed))
        .fallback(|request| refuse(request, ApiFailure::no_such_page()))
        .method_not_allowed_fallback(|request| refuse(request, ApiFailure::wrong_method()))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&gateway), check_token))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(axum::middleware::from_fn(note_work))
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
    limits: Limits,
    began: u64,
}

/// A request that is here: its place, and its connection, which is at work as long as this lasts.
struct Place {
    _place: OwnedSemaphorePermit,
    _work: Option<Arc<Work>>,
}

impl Gateway {
    /// Reads a request, once there is a place for it to wait in.
    async fn read<T: DeserializeOwned>(&self, request: Request) -> Result<(Place, T), ApiFailure> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(refuse(request, ApiFailure::too_many()).await);
        };
        let place = Place { _place: place, _work: request.extensions().get().cloned() };
        let body = tokio::time::timeout(self.limits.body, Json::<T>::from_request(request, &())).await;
        let Json(read) =
            body.map_err(|_| ApiFailure::slow())?.map_err(|rejection| ApiFailure::unreadable(&rejection))?;
        Ok((place, read))
    }

    /// Turns at the model; they come in the order in which they were asked for.
    async fn turns(&self, count: u32) -> Result<OwnedSemaphorePermit, ApiFailure> {
        Arc::clone(&self.running).acquire_many_owned(count).await.map_err(|_| ApiFailure::too_many())
    }

    fn check_model(&self, name: &str) -> Result<(), ApiFailure> {
        if name == self.model { Ok(()) } else { Err(ApiFailure::no_model(name, &self.model)) }
    }

    fn described(&self) -> Json_ {
        json!({ "id": self.model, "object": "model", "created": self.began, "owned_by": "genoa" })
    }

    /// Has the model write, in as many versions as are wanted, and tells it in `shape`.
    async fn answer(
        &self,
        place: Place,
        asked: Asked,
        versions: u32,
        shape: impl Shape,
    ) -> Result<Response, ApiFailure> {
        let mut turns = self.turns(versions).await?;
        let versions = usize::try_from(versions).unwrap_or(1);
        // All that the model may write fits: a client that reads slowly keeps nobody's turn.
        let (teller, listener) = channel(versions * (ANSWER_TOKENS + 2));
        for index in 0..versions {
            let infer = version(&asked.infer, index);
            let (daemon, listener, turn) =
                (Arc::clone(&self.daemon), Listener { index, teller: teller.clone() }, turns.split(1));
            tokio::task::spawn_blocking(move || {
                daemon.infer(infer, &listener);
                drop(turn);
            });
        }
        drop(teller);
        let telling = Telling { shape, versions, listener, blame: asked.blame, _kept: place };
        if asked.stream { telling.stream().await } else { telling.whole().await }
    }
}

/// What is asked for one version of an answer: another beginning of chance.
fn version(infer: &InferRequest, index: usize) -> InferRequest {
    let seed = infer.seed.wrapping_add(u64::try_from(index).unwrap_or(u64::MAX));
    InferRequest { seed, ..infer.clone() }
}

type Shared = State<Arc<Gateway>>;

/// A connection is at work from a request's head to the end of its answer.
async fn note_work(ConnectInfo(pulse): ConnectInfo<Pulse>, mut request: Request, next: Next) -> Response {
    let work = Arc::new(pulse.work());
    request.extensions_mut().insert(Arc::clone(&work));
    let response = next.run(request).await;
    drop(work);
    response
}

async fn check_token(State(gateway): Shared, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given =
        given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match given {
        Some((_, token)) if same(token.trim(), &gateway.token) => next.run(request).await,
        _ => refuse(request, ApiFailure::no_token()).await.into_response(),
    }
}

/// Hears a request out that is refused whatever it says: a client that still speaks may not hear the answer, and cannot ask for
/// something else on this connection.
async fn refuse(request: Request, failure: ApiFailure) -> ApiFailure {
    let mut pieces = request.into_body().into_data_stream();
    let mut heard = 0;
    let hearing = async {
        while let Some(Ok(piece)) = pieces.next().await {
            heard += piece.len();
            if heard > BODY_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(HEARD_OUT_MS), hearing).await;
    failure
}

async fn models(State(gateway): Shared) -> Json<Json_> {
    Json(json!({ "object": "list", "data": [gateway.described()] }))
}

async fn model(State(gateway): Shared, Path(name): Path<String>) -> Result<Json<Json_>, ApiFailure> {
    gateway.check_model(&name)?;
    Ok(Json(gateway.described()))
}

async fn chat(State(gateway): Shared, request: Request) -> Result<Response, ApiFailure> {
    let (place, request) = gateway.read::<ChatRequest>(request).await?;
    gateway.check_model(&request.model)?;
    let (versions, tells_usage) = (request.choices()?, request.tells_usage());
    let asked = request.asked()?;
    let choices = usize::try_from(versions).unwrap_or(1);
    let shape = ChatAnswer::new(Heading::new(&gateway.model)?, asked.manner, choices, tells_usage);
    gateway.answer(place, asked, versions, shape).await
}

async fn responses(State(gateway): Shared, request: Request) -> Result<Response, ApiFailure> {
    let (place, request) = gateway.read::<ResponsesRequest>(request).await?;
    gateway.check_model(&request.model)?;
    let echo = request.echo();
    let asked = request.asked()?;
    let shape = ResponseAnswer::new(Heading::new(&gateway.model)?, echo, asked.manner);
    gateway.answer(place, asked, 1, shape).await
}

async fn embed(State(gateway): Shared, request: Request) -> Result<Json<Json_>, ApiFailure> {
    let (place, request) = gateway.read::<EmbeddingsRequest>(request).await?;
    gateway.check_model(&request.model)?;
    let encoding = request.encoding_format;
    let texts = request.texts()?;
    let turn = gateway.turns(1).await?;
    let daemon = Arc::clone(&gateway.daemon);
    let bytes: usize = texts.iter().map(String::len).sum();
    let work = tokio::task::spawn_blocking(move || {
        let vectors = daemon.embed(texts);
        drop((place, turn));
        vectors
    });
    let vectors = work.await.map_err(|error| Failure::new(ErrorCode::Internal, "embedding broke").because(error))??;
    Ok(Json(embeddings::told(&gateway.model, &vectors, encoding, bytes)))
}
