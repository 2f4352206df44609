//! The server: paths, the token, and how many are served at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use genoa_abi::session::SessionRequest;
use genoa_abi::{ErrorCode, Failure};
use serde_json::{Value as Json_, json};
use tokio::sync::mpsc::channel;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::asking::Asked;
use crate::chat::ChatRequest;
use crate::chat_answer::ChatAnswer;
use crate::daemon::Daemon;
use crate::embeddings::{self, EmbeddingsRequest};
use crate::failures::ApiFailure;
use crate::heading::{Heading, now};
use crate::response_answer::ResponseAnswer;
use crate::responses::ResponsesRequest;
use crate::telling::{Shape, Telling};
use crate::token::same;

/// Requests that are worked on at once; the daemon's model works on fewer, by their class.
const RUNNING: usize = 16;
/// Requests that wait beside these; who comes then is told to come again.
const WAITING: usize = 240;
/// One request's body.
const BODY_BYTES: usize = 4 * 1024 * 1024;
/// Pieces of an answer that wait to be read.
const UNREAD_PIECES: usize = 64;

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
        .route("/v1/responses", post(responses))
        .route("/v1/responses/{*id}", any(|| async { ApiFailure::not_kept() }))
        .route("/v1/embeddings", post(embed))
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

    fn described(&self) -> Json_ {
        json!({ "id": self.model, "object": "model", "created": self.began, "owned_by": "genoa" })
    }

    /// Has the model write, and tells it in `shape`.
    async fn answer(
        &self,
        place: OwnedSemaphorePermit,
        asked: Asked,
        shape: impl Shape,
    ) -> Result<Response, ApiFailure> {
        let turn = self.turn().await?;
        let (teller, listener) = channel(UNREAD_PIECES);
        let (daemon, infer) = (Arc::clone(&self.daemon), asked.infer);
        tokio::task::spawn_blocking(move || {
            daemon.infer(infer, &teller);
            drop(turn);
        });
        let telling = Telling { shape, listener, blame: asked.blame, _kept: place };
        if asked.stream { telling.stream().await } else { telling.whole().await }
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
    let tells_usage = request.tells_usage();
    let asked = request.asked()?;
    let shape = ChatAnswer::new(Heading::new(&gateway.model)?, asked.has_tools, tells_usage);
    gateway.answer(place, asked, shape).await
}

async fn responses(
    State(gateway): Shared,
    request: Result<Json<ResponsesRequest>, JsonRejection>,
) -> Result<Response, ApiFailure> {
    let place = gateway.place()?;
    let Json(request) = request.map_err(|rejection| ApiFailure::unreadable(&rejection))?;
    gateway.check_model(&request.model)?;
    let echo = request.echo();
    let asked = request.asked()?;
    let shape = ResponseAnswer::new(Heading::new(&gateway.model)?, echo, asked.has_tools);
    gateway.answer(place, asked, shape).await
}

async fn embed(
    State(gateway): Shared,
    request: Result<Json<EmbeddingsRequest>, JsonRejection>,
) -> Result<Json<Json_>, ApiFailure> {
    let place = gateway.place()?;
    let Json(request) = request.map_err(|rejection| ApiFailure::unreadable(&rejection))?;
    gateway.check_model(&request.model)?;
    let encoding = request.encoding_format;
    let texts = request.texts()?;
    let turn = gateway.turn().await?;
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
