//! Which requests the rights allow.

use genoa_abi::grant::Right;
use genoa_abi::{ErrorCode, Failure};
use ureq::http::Uri;

/// The network rights of one jail.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    rights: Vec<Right>,
}

/// Whether addresses of this machine and of private networks may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only addresses that the whole world can reach.
    Public,
    /// Any: a right names this very host.
    Anywhere,
}

impl Rules {
    pub(crate) fn new(rights: Vec<Right>) -> Self {
        Self { rights }
    }

    /// Allows one request, or one redirect of it.
    pub(crate) fn check(&self, uri: &Uri, method: &str) -> Result<Reach, Failure> {
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(Failure::new(ErrorCode::InvalidInput, format!("{uri} is not a web address")));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(Failure::new(ErrorCode::InvalidInput, "an address must not carry a user name"));
        }
        let host = host_of(uri)?;
        let wanted = Right::Network { host: host.clone(), methods: vec![method.to_owned()] };
        if !self.rights.iter().any(|right| right.covers(&wanted)) {
            return Err(Failure::new(ErrorCode::NotGranted, format!("no grant allows a {method} request to {host}"))
                .try_next("Ask for a grant of that host"));
        }
        let named = |right: &Right| matches!(right, Right::Network { host: named, .. } if *named == host);
        if self.rights.iter().any(|right| named(right) && right.covers(&wanted)) {
            Ok(Reach::Anywhere)
        } else {
            Ok(Reach::Public)
        }
    }
}

/// The host as rules name it: lower case, without brackets or a last dot.
fn host_of(uri: &Uri) -> Result<String, Failure> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() || host.contains('*') {
        return Err(Failure::new(ErrorCode::InvalidInput, format!("{uri} names no host")));
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;
    use genoa_abi::grant::Right;

    use super::{Reach, Rules};

    #[test]
    fn a_request_needs_a_right_to_its_host_and_method() {
        let right = |host: &str, methods: &[&str]| Right::Network {
            host: host.into(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        };
        let rules =
            Rules::new(vec![right("*.example.org", &["GET"]), right("localhost", &[]), right("10.0.0.7", &["GET"])]);
        let check = |uri: &str, method: &str, expected: Result<Reach, ErrorCode>| {
            let got = rules.check(&uri.parse().unwrap(), method).map_err(|failure| failure.code);
            assert_eq!(got, expected, "{method} {uri}");
        };
        check("https://a.example.org/x", "GET", Ok(Reach::Public));
        check("https://A.EXAMPLE.org./x", "GET", Ok(Reach::Public));
        check("https://a.example.org/x", "POST", Err(ErrorCode::NotGranted));
        check("https://example.org/", "GET", Err(ErrorCode::NotGranted));
        check("https://a.example.org.evil.net/", "GET", Err(ErrorCode::NotGranted));
        check("http://localhost:8080/", "DELETE", Ok(Reach::Anywhere));
        check("http://10.0.0.7/", "GET", Ok(Reach::Anywhere));
        check("http://127.0.0.1/", "GET", Err(ErrorCode::NotGranted));
        check("http://localhost@evil.net/", "GET", Err(ErrorCode::InvalidInput));
        check("ftp://a.example.org/", "GET", Err(ErrorCode::InvalidInput));
        check("/just/a/path", "GET", Err(ErrorCode::InvalidInput));
    }
}
