//! What `./x fuzz` drives: the broker's reading of a request, without the network. No part of the interface.

use genoa_abi::egress::FetchRequest;
use genoa_abi::grant::Right;
use genoa_abi::{ErrorCode, Failure};
use ureq::http::Uri;

use super::rules::Rules;

/// The host that a request would reach, where the rights allow it.
///
/// # Errors
/// For what is no request, and for one that is not allowed.
pub fn host_of_allowed(request: &str, rights: Vec<Right>) -> Result<String, Failure> {
    let wrong =
        |error: &dyn std::fmt::Display| Failure::new(ErrorCode::InvalidInput, "this is no request").because(error);
    let request: FetchRequest = serde_json::from_str(request).map_err(|error| wrong(&error))?;
    let uri: Uri = request.url.parse().map_err(|error| wrong(&error))?;
    Rules::new(rights).check(&uri, &request.method)?;
    Ok(uri.host().unwrap_or_default().to_owned())
}
