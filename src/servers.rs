//! The servers people usually run on their own machine, and which of them is listening.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;
use tokgate_core::case::DriverKind;

/// How long a local port may take to accept.
const PATIENCE: Duration = Duration::from_millis(200);

/// The usual ports, in the order in which they are tried.
const USUAL: [(&str, DriverKind, u16); 5] = [
    ("vLLM", DriverKind::Openai, 8000),
    ("Ollama", DriverKind::Ollama, 11434),
    ("llama.cpp", DriverKind::Openai, 8080),
    ("SGLang", DriverKind::Openai, 30000),
    ("TGI", DriverKind::Openai, 3000),
];

/// A port that accepts connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Who usually listens there.
    pub name: &'static str,
    /// How to speak to it.
    pub driver: DriverKind,
    /// Its address, as its driver wants it.
    pub base_url: String,
}

/// The usual ports that accept a connection. Whether a language model answers there is not yet
/// known: opening the target tells.
#[must_use]
pub fn listening() -> Vec<Server> {
    USUAL
        .into_iter()
        .filter(|(_, _, port)| {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
            TcpStream::connect_timeout(&address, PATIENCE).is_ok()
        })
        .map(|(name, driver, port)| {
            let path = if driver == DriverKind::Ollama { "" } else { "/v1" };
            Server { name, driver, base_url: format!("http://127.0.0.1:{port}{path}") }
        })
        .collect()
}
