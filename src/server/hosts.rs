//! By which names the server may be called: a page of elsewhere that has its own name point at this machine
//! is told from those who mean this machine.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// A name that a user allows, with a port or for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// A text that is no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no host: write a name such as bench.example.org, or a name and a port with a colon between"
)]
pub struct NoHost(String);

impl FromStr for Host {
    type Err = NoHost;

    fn from_str(text: &str) -> Result<Self, NoHost> {
        let refuse = || NoHost(text.chars().take(80).collect());
        let (name, port) = split(text).ok_or_else(refuse)?;
        let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || b".-[]:".contains(&byte);
        match !name.is_empty() && name.bytes().all(is_kept) {
            true => Ok(Self { name: name.to_ascii_lowercase(), port }),
            false => Err(refuse()),
        }
    }
}

/// A name and its port; `None` where what follows the last colon is no port.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    match text.rsplit_once(':') {
        // A colon inside brackets is one of an address.
        Some((_, after)) if after.contains(']') => Some((text, None)),
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            let is_plain = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            let port = is_plain.then(|| port.parse().ok()).flatten()?;
            Some((name, Some(port)))
        }
        Some(_) => None,
        None => Some((text, None)),
    }
}

/// All names by which the server may be called.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    own: Vec<String>,
    port: u16,
    allowed: Vec<Host>,
}

impl Hosts {
    /// This machine's own names at the address that is listened on, and those that were allowed.
    pub(super) fn of(address: SocketAddr, allowed: Vec<Host>) -> Self {
        let mut own = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
        // An address cannot be made to point elsewhere; the one for all of them is nobody's.
        if !address.ip().is_unspecified() {
            own.push(match address.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            });
        }
        Self { own, port: address.port(), allowed }
    }

    /// Whether a `Host` is one of them.
    pub(super) fn allow(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let Some((name, port)) = split(&host) else { return false };
        let is_own = port.unwrap_or(80) == self.port && self.own.iter().any(|own| own == name);
        let is_allowed =
            |it: &Host| it.name == name && it.port.is_none_or(|wanted| Some(wanted) == port);
        is_own || self.allowed.iter().any(is_allowed)
    }

    /// Whether a page that asks is of one of them.
    pub(super) fn allow_origin(&self, origin: &str) -> bool {
        let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        host.is_some_and(|host| self.allow(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(allowed: &[&str]) -> Hosts {
        let allowed = allowed.iter().map(|text| text.parse().unwrap()).collect();
        Hosts::of("127.0.0.1:4080".parse().unwrap(), allowed)
    }

    #[test]
    fn this_machines_names_are_allowed_at_its_port_and_no_others() {
        let hosts = hosts(&[]);
        for good in ["localhost:4080", "LOCALHOST:4080", "127.0.0.1:4080", "[::1]:4080"] {
            assert!(hosts.allow(good), "{good}");
        }
        for bad in [
            "",
            ":4080",
            "localhost",
            "localhost:4081",
            "localhost:",
            "localhost:+4080",
            "localhost:04080x",
            "evil.example:4080",
            "localhost.evil.example:4080",
            "127.0.0.1.evil.example:4080",
            "user@localhost:4080",
            "::1:4080",
            "localhost:4080:4080",
        ] {
            assert!(!hosts.allow(bad), "{bad}");
        }
    }

    #[test]
    fn an_allowed_name_has_any_port_unless_it_names_one() {
        let hosts = hosts(&["bench.example.org", "other.example:8443"]);
        for good in ["bench.example.org", "Bench.Example.org:443", "other.example:8443"] {
            assert!(hosts.allow(good), "{good}");
        }
        assert!(!hosts.allow("other.example") && !hosts.allow("other.example:4080"));
        for bad in ["", "http://x", "a/b", "a b", "a:b", "a:99999"] {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_page_of_another_place_is_no_page_of_ours() {
        let hosts = hosts(&[]);
        assert!(hosts.allow_origin("http://127.0.0.1:4080"));
        for bad in ["null", "http://localhost:3000", "https://evil.example", "file://", ""] {
            assert!(!hosts.allow_origin(bad), "{bad}");
        }
    }

    #[test]
    fn the_address_that_is_listened_on_is_a_name_of_it() {
        let at = |address: &str| Hosts::of(address.parse().unwrap(), Vec::new());
        assert!(at("192.0.2.7:80").allow("192.0.2.7"));
        assert!(at("[2001:db8::7]:4080").allow("[2001:db8::7]:4080"));
        assert!(!at("0.0.0.0:4080").allow("0.0.0.0:4080"));
    }
}
