//! Failures as OpenAI's clients expect them.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use genoa_abi::{ErrorCode, Failure};
use serde_json::{Value as Json_, json};

use crate::limits::{AGAIN_SECONDS, BODY_SECONDS};

/// A failure that is answered with a status and a body.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiFailure {
    status: StatusCode,
    kind: &'static str,
    code: String,
    /// The field of the request that it is about.
    param: Option<String>,
    message: String,
    /// Seconds after which trying again makes sense.
    retry_after: Option<u32>,
}

impl ApiFailure {
    /// A field of the request is wrong, or asks for what is not there.
    pub(crate) fn of_field(param: &str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_value", message)
        }
    }

    /// A schema that no answer can be written under.
    pub(crate) fn of_schema(param: &str, failure: Failure) -> Self {
        Self {
            param: Some(param.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "invalid_schema", failure.to_string())
        }
    }

    /// A conversation that the model's window does not hold.
    pub(crate) fn of_window(param: &str, failure: Failure) -> Self {
        Self {
            param: Some(param.to_owned()),
            ..Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_request_error",
                "context_length_exceeded",
                failure.to_string(),
            )
        }
    }

    /// A field asks for what is not there at all.
    pub(crate) fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param.to_owned()),
            ..Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", "unsupported_parameter", message)
        }
    }

    /// A body that is no request.
    pub(crate) fn unreadable(rejection: &JsonRejection) -> Self {
        let (status, code) = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_content_type"),
            _ => (StatusCode::BAD_REQUEST, "invalid_json"),
        };
        Self::new(status, "invalid_request_error", code, rejection.body_text())
    }

    pub(crate) fn no_token() -> Self {
        let message = "This gateway wants its token: `Authorization: Bearer …`. `genoa gateway --token` prints it";
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", "invalid_api_key", message)
    }

    pub(crate) fn no_model(name: &str, there: &str) -> Self {
        let message = format!("There is no model `{}`; there is `{there}`", name.escape_debug());
        Self {
            param: Some("model".to_owned()),
            ..Self::new(StatusCode::NOT_FOUND, "invalid_request_error", "model_not_found", message)
        }
    }

    pub(crate) fn no_such_page() -> Self {
        let message =
            "There is nothing here. The paths are /v1/models, /v1/chat/completions, /v1/responses and /v1/embeddings";
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", "unknown_url", message)
    }

    pub(crate) fn not_kept() -> Self {
        let message = "Answers are not kept here, and cannot be asked for, changed or condensed afterwards: keep what \
            `POST /v1/responses` answers, and send its `output` with the next `input`";
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", "not_found", message)
    }

    pub(crate) fn wrong_method() -> Self {
        let message = "This path does not take that method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", "method_not_supported", message)
    }

    pub(crate) fn too_many() -> Self {
        let message = "Too many requests wait already; try again in a moment";
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded", message);
        Self { retry_after: Some(AGAIN_SECONDS), ..failure }
    }

    /// A body that does not come.
    pub(crate) fn slow() -> Self {
        let message = format!("The request's body did not arrive within {BODY_SECONDS} s");
        Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", "request_timeout", message)
    }

    fn new(status: StatusCode, kind: &'static str, code: &str, message: impl Into<String>) -> Self {
        Self { status, kind, code: code.to_owned(), param: None, message: message.into(), retry_after: None }
    }

    /// The code and the text, as the protocol of responses puts them into an answer that failed.
    pub(crate) fn code_and_message(&self) -> Json_ {
        // The protocol has a closed list of codes here.
        let code = match self.status {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_exceeded",
            status if status.is_client_error() => "invalid_prompt",
            _ => "server_error",
        };
        json!({ "code": code, "message": self.message })
    }

    /// The body, also of an event in a stream.
    pub(crate) fn body(&self) -> Json_ {
        json!({ "error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        }})
    }
}

impl From<Failure> for ApiFailure {
    fn from(failure: Failure) -> Self {
        let (status, kind) = match failure.code {
            ErrorCode::InvalidInput | ErrorCode::Unsupported | ErrorCode::Ambiguous => {
                (StatusCode::BAD_REQUEST, "invalid_request_error")
            }
            ErrorCode::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error"),
            ErrorCode::NotFound => (StatusCode::NOT_FOUND, "invalid_request_error"),
            ErrorCode::NotGranted | ErrorCode::Expired | ErrorCode::Revoked | ErrorCode::Denied => {
                (StatusCode::FORBIDDEN, "permission_error")
            }
            ErrorCode::BudgetSpent => (StatusCode::TOO_MANY_REQUESTS, "insufficient_quota"),
            ErrorCode::TimedOut => (StatusCode::GATEWAY_TIMEOUT, "server_error"),
            ErrorCode::Interrupted | ErrorCode::ModelFailed => (StatusCode::SERVICE_UNAVAILABLE, "server_error"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "server_error"),
        };
        let code = serde_json::to_value(failure.code).ok();
        let code = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default().to_owned();
        Self::new(status, kind, &code, failure.to_string())
    }
}

impl IntoResponse for ApiFailure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            // Who waits for its next try leaves its connection to others.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
