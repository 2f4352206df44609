//! Which requests the rights allow.

use std::net::IpAddr;

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
    /// Any: a right names this very address with its port.
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
        let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(usual);
        let with_port = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let fits = |(named, methods): &(&str, &[String])| {
            *named == with_port || (port == usual && covers(named, methods, &host))
        };
        let fitting: Vec<(&str, &[String])> = self.network().filter(fits).collect();
        if fitting.is_empty() {
            return Err(not_named(method, if port == usual { &host } else { &with_port }));
        }
        let speaks = |methods: &[String]| methods.is_empty() || methods.iter().any(|known| known == method);
        if !fitting.iter().any(|(_, methods)| speaks(methods)) {
            return Err(not_allowed(method, &host).because("the host is allowed, this method is not"));
        }
        // A name could lead anywhere, and elsewhere tomorrow; an address is what it is.
        let is_address = host.parse::<IpAddr>().is_ok();
        let is_named = fitting.iter().any(|(named, methods)| *named == with_port && speaks(methods));
        Ok(if is_address && is_named { Reach::Anywhere } else { Reach::Public })
    }

    fn network(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.rights.iter().filter_map(|right| match right {
            Right::Network { host, methods } => Some((host.as_str(), methods.as_slice())),
            _ => None,
        })
    }
}

fn covers(named: &str, methods: &[String], host: &str) -> bool {
    let right = |host: &str| Right::Network { host: host.to_owned(), methods: methods.to_owned() };
    right(named).covers(&right(host))
}

fn not_allowed(method: &str, host: &str) -> Failure {
    Failure::new(ErrorCode::NotGranted, format!("no grant allows a {method} request to {host}"))
}

fn not_named(method: &str, host: &str) -> Failure {
    not_allowed(method, host)
        .because("the configuration does not name this host")
        .try_next(format!("If you want it, add it in config.toml under [network]: hosts = [\"{host}\"]"))
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
        let rules = Rules::new(vec![
            right("*.example.org", &["GET"]),
            right("localhost", &[]),
            right("10.0.0.7:8080", &["GET"]),
            right("[::1]:8080", &["GET"]),
            right("b.example:8443", &["GET"]),
        ]);
        let check = |uri: &str, method: &str, expected: Result<Reach, ErrorCode>| {
            let got = rules.check(&uri.parse().unwrap(), method).map_err(|failure| failure.code);
            assert_eq!(got, expected, "{method} {uri}");
        };
        check("https://a.example.org/x", "GET", Ok(Reach::Public));
        check("https://A.EXAMPLE.org./x", "GET", Ok(Reach::Public));
        check("https://a.example.org:443/x", "GET", Ok(Reach::Public));
        check("https://a.example.org:8443/x", "GET", Err(ErrorCode::NotGranted));
        check("https://a.example.org:80/x", "GET", Err(ErrorCode::NotGranted));
        check("https://a.example.org/x", "POST", Err(ErrorCode::NotGranted));
        check("https://example.org/", "GET", Err(ErrorCode::NotGranted));
        check("https://a.example.org.evil.net/", "GET", Err(ErrorCode::NotGranted));
        // A name is not this machine, whatever it leads to.
        check("http://localhost/", "DELETE", Ok(Reach::Public));
        check("http://localhost:8080/", "DELETE", Err(ErrorCode::NotGranted));
        check("https://b.example:8443/", "GET", Ok(Reach::Public));
        check("https://b.example/", "GET", Err(ErrorCode::NotGranted));
        // An address is, at its port.
        check("http://10.0.0.7:8080/", "GET", Ok(Reach::Anywhere));
        check("http://[::1]:8080/", "GET", Ok(Reach::Anywhere));
        check("http://10.0.0.7/", "GET", Err(ErrorCode::NotGranted));
        check("http://10.0.0.7:8081/", "GET", Err(ErrorCode::NotGranted));
        check("http://10.0.0.7:8080/", "POST", Err(ErrorCode::NotGranted));
        check("http://127.0.0.1/", "GET", Err(ErrorCode::NotGranted));
        check("http://localhost@evil.net/", "GET", Err(ErrorCode::InvalidInput));
        check("ftp://a.example.org/", "GET", Err(ErrorCode::InvalidInput));
        check("/just/a/path", "GET", Err(ErrorCode::InvalidInput));
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let rules = Rules::new(vec![Right::Network { host: "a.example".into(), methods: vec!["GET".into()] }]);
        let refused = |uri: &str, method: &str| rules.check(&uri.parse().unwrap(), method).unwrap_err().to_string();
        let line = |host: &str| format!("under [network]: hosts = [\"{host}\"]");
        assert!(refused("https://b.example/x", "GET").ends_with(&line("b.example")));
        assert!(refused("http://127.0.0.1:8080/x", "GET").ends_with(&line("127.0.0.1:8080")));
        assert!(refused("https://a.example/", "POST").ends_with("the host is allowed, this method is not"));
    }

    #[test]
    fn everything_is_only_what_the_whole_world_can_reach() {
        let rules = Rules::new(vec![Right::Network { host: "*".into(), methods: vec![] }]);
        assert_eq!(rules.check(&"http://127.0.0.1/".parse().unwrap(), "GET"), Ok(Reach::Public));
        assert!(rules.check(&"http://127.0.0.1:8080/".parse().unwrap(), "GET").is_err());
    }
}
