//! Where Ollama listens, by the habits of `OLLAMA_HOST`.

use crate::driver::OpenError;

/// Ollama's own port.
const PORT: u16 = 11434;

/// The server's address: as given, else by `OLLAMA_HOST`, else this machine's own.
///
/// # Errors
/// When an OpenAI-compatible address was given.
pub(super) fn base_url(given: Option<&str>) -> Result<String, OpenError> {
    match given {
        Some(given) if given.trim_end_matches('/').ends_with("/v1") => {
            Err(OpenError::Invalid(format!(
                "driver `ollama` speaks Ollama's own protocol: leave `/v1` out of {given}, or take \
                 driver `openai`"
            )))
        }
        Some(given) => Ok(given.to_owned()),
        None => Ok(from_variable(&std::env::var("OLLAMA_HOST").unwrap_or_default())),
    }
}

/// What a value of `OLLAMA_HOST` means to a client (ollama, envconfig.Host): `host`,
/// `host:port`, `:port` or a URL, whose scheme decides the port where none is written. The
/// addresses that a server binds to for everyone mean this machine.
fn from_variable(value: &str) -> String {
    let value = value.trim().trim_matches(['"', '\'']);
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let (host_and_port, path) = rest.split_once('/').unwrap_or((rest, ""));
    let usual = match (value.contains("://"), scheme) {
        (true, "http") => 80,
        (true, "https") => 443,
        _ => PORT,
    };
    let (host, port) = split_port(host_and_port);
    let port = port.and_then(|port| port.parse().ok()).unwrap_or(usual);
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" | "::" => "[::1]",
        host => host,
    };
    format!("{scheme}://{host}:{port}/{path}").trim_end_matches('/').to_owned()
}

/// Host and port; the colons of a bare IPv6 address separate nothing.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_as_ollama_reads_it() {
        for (value, url) in [
            ("", "http://127.0.0.1:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:8000", "http://127.0.0.1:8000"),
            (":7000", "http://127.0.0.1:7000"),
            ("box", "http://box:11434"),
            ("box:1234", "http://box:1234"),
            ("http://box", "http://box:80"),
            ("https://box/llm/", "https://box:443/llm"),
            ("https://box:8443", "https://box:8443"),
            ("[::]", "http://[::1]:11434"),
            ("[fe80::1]:99", "http://[fe80::1]:99"),
            ("\"box:notaport\"", "http://box:11434"),
        ] {
            assert_eq!(from_variable(value), url, "{value:?}");
        }
    }

    #[test]
    fn an_address_of_the_other_protocol_is_refused() {
        let error = base_url(Some("http://127.0.0.1:11434/v1/")).unwrap_err().to_string();
        assert!(error.contains("leave `/v1` out"), "{error}");
        assert_eq!(base_url(Some("http://box:1")).unwrap(), "http://box:1");
    }
}
