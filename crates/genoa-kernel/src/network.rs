//! Which requests may leave the machine: those that a grant holds and that the configuration still names.
//!
//! A grant keeps the rights that it was made with, and the configuration may change below it. So both are asked at
//! every call: a host that the person takes out of the configuration is out of reach from then on.

use genoa_abi::agent::AgentManifest;
use genoa_abi::grant::Right;
use genoa_abi::schema::{Catalog, ToolSchema};
use genoa_abi::{ErrorCode, Failure, GrantId};

use crate::turn::{Standing, Turn};

/// Letters of a host's name, as DNS has it, with a port.
const HOST_LETTERS: usize = 260;

impl Turn<'_> {
    /// Whether the configuration names what this right is for. Rights to other things are none of its business.
    pub(crate) fn is_configured(&self, right: &Right) -> bool {
        !is_network(right) || self.kernel.network.iter().any(|configured| configured.covers(right))
    }

    /// Whether calls under the grant may use any of the network at all.
    pub(crate) fn permit_network(&self, grant: GrantId, schema: &ToolSchema, words: &str) -> Result<(), Failure> {
        let held = &self.kernel.grants.get(grant)?.rights;
        if held.iter().any(|right| is_network(right) && self.is_configured(right)) {
            return Ok(());
        }
        let failure = Failure::new(ErrorCode::NotGranted, format!("{} needs the network", schema.name));
        if self.kernel.network.is_empty() {
            return Err(failure.because("the configuration names no host").try_next(advice(words)));
        }
        Err(failure
            .because(format!("the grant {grant} holds no right to a host that the configuration names"))
            .try_next("Use an agent whose manifest asks for the network, and begin anew if the configuration changed"))
    }

    /// What the person should know where their words name an address and the configuration names no host.
    pub(crate) fn network_notice(&self, manifest: &AgentManifest, task: &str) -> Option<String> {
        let is_concerned = self.kernel.network.is_empty() && manifest.rights.iter().any(is_any_host);
        host_in(task).filter(|_| is_concerned)?;
        Some(format!("Nothing is fetched from the network: the configuration names no host. {}", advice(task)))
    }

    /// Why a plan of a person's own is not taken, if all that is wrong with it is that it calls a tool that is there
    /// and not allowed. An agent's plan goes back to it with findings like any other.
    pub(crate) fn barred(&self, standing: Standing, source: &str, allowed: &Catalog) -> Option<Failure> {
        if standing.agent.is_some() {
            return None;
        }
        let checked = genoa_plan::check(source, self.kernel.catalog_of(standing.session), "").ok()?;
        let barred = checked.plan.tools().into_iter().find(|tool| !allowed.tools.contains_key(*tool))?;
        let schema = self.kernel.catalog_of(standing.session).tools.get(barred)?;
        self.permit_some_call(standing.grant, schema, standing.session, source).err()
    }
}

/// Whether a right is to a host.
pub(crate) fn is_network(right: &Right) -> bool {
    matches!(right, Right::Network { .. })
}

/// Whether a right is to whatever hosts there are: what a manifest says that means those which the person configured.
pub(crate) fn is_any_host(right: &Right) -> bool {
    matches!(right, Right::Network { host, .. } if host == "*")
}

/// What to write into the configuration so that the address in `words` can be reached.
pub(crate) fn advice(words: &str) -> String {
    let host = host_in(words).unwrap_or("example.org");
    format!("To allow it, write into config.toml: [network] and below it hosts = [\"{host}\"]")
}

/// The host of the first web address in a text, with its port if it says one.
pub(crate) fn host_in(words: &str) -> Option<&str> {
    let (_, rest) = words.split_once("://")?;
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | ':' | '[' | ']');
    let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
    let host = rest[..end].trim_end_matches(['.', ':']);
    (!host.is_empty() && host.len() <= HOST_LETTERS).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::host_in;

    #[test]
    fn the_host_of_an_address_is_found_in_words() {
        let check = |words: &str, expected: Option<&str>| assert_eq!(host_in(words), expected, "{words}");
        check("What does https://docs.example.org/guide?x say?", Some("docs.example.org"));
        check("web.fetch(url=\"http://127.0.0.1:8080/\")", Some("127.0.0.1:8080"));
        check("see http://[::1]:80/.", Some("[::1]:80"));
        check("Read https://example.org.", Some("example.org"));
        check("https://\"]\nhosts", None);
        check("no address", None);
    }
}
