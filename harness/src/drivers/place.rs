//! Where a target runs that nobody of us started: by its driver, and by its address.

use crate::http::is_loopback;
use crate::telemetry::Place;
use reqwest::Url;
use tokgate_core::case::{DriverKind, Target};

/// Where Ollama listens when nobody says otherwise.
const OLLAMA_PORT: u16 = 11434;

/// The place of a target.
pub(super) fn of(target: &Target) -> Place {
    match target.driver {
        DriverKind::Auto
        | DriverKind::Embedded
        | DriverKind::Simulated
        | DriverKind::Flat
        | DriverKind::FlatQ4
        | DriverKind::IvfSq8
        | DriverKind::Hnsw => Place::InProcess,
        DriverKind::Batch => Place::Children,
        DriverKind::Openai => behind(target, None),
        DriverKind::Ollama => behind(target, Some(OLLAMA_PORT)),
        DriverKind::Pgvector => behind(target, Some(5432)),
        DriverKind::Redis => behind(target, Some(6379)),
        DriverKind::VectorHttp => behind(target, None),
        // What a driver of the program's own speaks to is at the address that it was told, if any.
        DriverKind::Custom if target.base_url.is_none() => Place::InProcess,
        DriverKind::Custom => behind(target, None),
    }
}

/// Who listens at the address of a target, with the usual port of its kind. An address that names
/// this machine otherwise than by the loopback is taken for another's.
fn behind(target: &Target, usual_port: Option<u16>) -> Place {
    let Some(written) = &target.base_url else {
        return usual_port.map_or(Place::Somewhere, Place::Listening);
    };
    match Url::parse(written) {
        Ok(url) if is_loopback(&url) => {
            let port = url.port_or_known_default().or(usual_port);
            port.map_or(Place::Somewhere, Place::Listening)
        }
        Ok(_) => Place::Elsewhere,
        Err(_) => Place::Somewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(driver: DriverKind, base_url: Option<&str>) -> Place {
        of(&Target { base_url: base_url.map(str::to_owned), ..Target::of(driver) })
    }

    #[test]
    fn a_target_is_where_its_address_says() {
        use DriverKind::{Custom, Ollama, Openai, Pgvector, Simulated};
        assert_eq!(place(Simulated, None), Place::InProcess);
        assert_eq!(place(Openai, Some("http://127.0.0.1:8000/v1")), Place::Listening(8000));
        assert_eq!(place(Openai, Some("http://localhost/v1")), Place::Listening(80));
        assert_eq!(place(Openai, Some("https://api.example.com/v1")), Place::Elsewhere);
        assert_eq!(place(Ollama, None), Place::Listening(11434));
        assert_eq!(place(Custom, None), Place::InProcess);
        assert_eq!(place(Custom, Some("http://localhost:99")), Place::Listening(99));
        assert_eq!(place(Pgvector, Some("postgres://me@localhost/db")), Place::Listening(5432));
    }
}
