//! The hosts that the person allows, from the words of the configuration to rights.

use std::net::{IpAddr, SocketAddr};

use genoa_abi::grant::Right;
use genoa_abi::limits::NETWORK_HOSTS;
use genoa_abi::{ErrorCode, Failure};

/// Letters of a name, and of one of its parts, as DNS has them.
const NAME_LETTERS: usize = 253;
const LABEL_LETTERS: usize = 63;
/// What agents may ask of a host: to be read.
const METHOD: &str = "GET";

/// The rights that `hosts` mean.
///
/// # Errors
/// [`ErrorCode::InvalidInput`] for the first entry that could mean something else than it says.
pub(crate) fn rights(hosts: &[String]) -> Result<Vec<Right>, Failure> {
    if hosts.len() > NETWORK_HOSTS {
        return Err(Failure::new(ErrorCode::TooLarge, "the configuration names too many hosts")
            .because(format!("the limit is {NETWORK_HOSTS} (NETWORK_HOSTS)")));
    }
    hosts.iter().map(|host| one(host, METHOD, "[network]")).collect()
}

/// The right to ask one host of `section` with one method.
///
/// # Errors
/// As [`rights`].
pub(crate) fn one(host: &str, method: &str, section: &str) -> Result<Right, Failure> {
    check(host).map_err(|(why, next)| {
        Failure::new(ErrorCode::InvalidInput, format!("`{}` cannot be a host of {section}", host.escape_debug()))
            .because(why)
            .try_next(next)
    })?;
    Ok(Right::Network { host: host.to_owned(), methods: vec![method.to_owned()] })
}

/// Why an entry is refused, and what to write instead.
type Complaint = (&'static str, &'static str);

fn check(host: &str) -> Result<(), Complaint> {
    if host == "*" {
        return Err((
            "an address may carry away what was read, so not every host is allowed at once",
            "Name the hosts",
        ));
    }
    if let Some(domain) = host.strip_prefix("*.") {
        return match domain.contains('.') {
            true => check_name(domain),
            false => Err(("that is everybody's domain, not somebody's", "Name the domain: *.example.org")),
        };
    }
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        // Without it, it would be every service of a machine.
        return Err(("an address is allowed with its port only", "Write it with its port: 127.0.0.1:8080"));
    }
    match host.rsplit_once(':') {
        None => check_name(host),
        Some((name, port)) => match host.parse::<SocketAddr>() {
            Ok(address) if address.to_string() == host && address.port() > 0 => Ok(()),
            Ok(_) => Err(("the address has another usual form", "Write it as it is usually written: 127.0.0.1:8080")),
            Err(_) => {
                check_name(name)?;
                check_port(port)
            }
        },
    }
}

fn check_port(port: &str) -> Result<(), Complaint> {
    match port.parse::<u16>() {
        Ok(number) if number > 0 && number.to_string() == port => Ok(()),
        _ => Err(("what follows the colon is no port", "Write a host, or a host with its port: example.org:8443")),
    }
}

fn check_name(name: &str) -> Result<(), Complaint> {
    if name == "localhost" || name.ends_with(".localhost") {
        return Err(("a name never leads to this machine", "Write the address with its port: 127.0.0.1:8080"));
    }
    let is_part = |part: &str| {
        (1..=LABEL_LETTERS).contains(&part.len())
            && part.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    // A last part of digits is an address in one of its older forms.
    let is_number = |part: &str| part.starts_with(|first: char| first.is_ascii_digit());
    let last = name.rsplit('.').next().unwrap_or_default();
    if name.len() <= NAME_LETTERS && name.split('.').all(is_part) && !is_number(last) {
        return Ok(());
    }
    Err((
        "a host is a name in small letters, digits, hyphens and dots, without https:// and without a path",
        "Write example.org, *.example.org, or an address with its port: 127.0.0.1:8080",
    ))
}

#[cfg(test)]
mod tests {
    use genoa_abi::ErrorCode;

    use super::rights;

    fn check(host: &str) -> Result<String, ErrorCode> {
        rights(&[host.to_owned()]).map(|rights| rights[0].to_string()).map_err(|failure| failure.code)
    }

    #[test]
    fn a_host_is_read_to_fetch_from() {
        for host in ["example.org", "*.wikipedia.org", "xn--bcher-kva.example", "example.org:8443", "intranet"] {
            assert_eq!(check(host), Ok(format!("GET requests to {host}")));
        }
        for host in ["127.0.0.1:8080", "10.0.0.7:80", "[::1]:8080"] {
            assert_eq!(check(host), Ok(format!("GET requests to {host}")));
        }
    }

    #[test]
    fn what_could_mean_more_than_it_says_is_refused() {
        for host in [
            "",
            "*",
            "*.org",
            "*.",
            "**.a.org",
            "a.*.org",
            "*.a.org:*",
            "https://example.org",
            "example.org/x",
            "Example.org",
            "a b.org",
            "a..org",
            "-a.org",
            "a.org.",
            "a@b.org",
            "b\u{fc}cher.example",
            "a\n.org",
            "localhost",
            "localhost:8080",
            "a.localhost",
            "127.0.0.1",
            "::1",
            "[::1]",
            "::1:8080",
            "127.1:8080",
            "127.0.0.01:8080",
            "2130706433",
            "0x7f.1",
            "127.0.0.1:0",
            "127.0.0.1:080",
            "127.0.0.1:",
            "example.org:",
            "example.org:99999",
            "example.org:+80",
        ] {
            assert_eq!(check(host), Err(ErrorCode::InvalidInput), "{host}");
        }
        assert_eq!(rights(&vec!["a.org".to_owned(); 101]).map_err(|failure| failure.code), Err(ErrorCode::TooLarge));
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        let said = rights(&["localhost:8080".to_owned()]).unwrap_err().to_string();
        assert_eq!(
            said,
            "`localhost:8080` cannot be a host of [network]: a name never leads to this machine. Write the address with its port: 127.0.0.1:8080"
        );
    }
}
