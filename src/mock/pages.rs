//! What is at which path.

use super::connection::{Asked, Connection};
use super::exchange::{Exchange, Next};
use super::house::House;
use super::ollama;
use super::openai;
use super::question::Question;
use super::refusal::error;
use super::reply::Reply;
use super::truth::Endpoint;
use serde_json::json;
use std::io;

/// Answers a request.
///
/// # Errors
/// When the client left.
pub(super) async fn answer(
    house: &House,
    connection: &mut Connection,
    asked: &Asked,
) -> io::Result<Next> {
    let reply = match (asked.head.method.as_str(), Endpoint::at(&asked.head.path)) {
        ("POST", Some(endpoint)) => match Question::read(endpoint, &asked.body) {
            Ok(question) if question.only_loads() => {
                Reply::json(200, &ollama::is_loaded(&house.identity(&question.model)))
            }
            Ok(question) => return Exchange::new(house, connection, question, asked).work().await,
            Err(why) => Reply::json(400, &error(endpoint.is_ollama(), 400, &why)),
        },
        _ => page(house, asked),
    };
    connection.send(&reply.bytes()).await?;
    Ok(Next::Keep)
}

/// A page that needs no model.
fn page(house: &House, asked: &Asked) -> Reply {
    let path = asked.head.path.as_str();
    let content = match (asked.head.method.as_str(), path) {
        ("GET", "/health") => json!({ "status": "ok" }),
        ("GET", "/metrics") => {
            return Reply::body(200, "text/plain; version=0.0.4", house.metrics().into_bytes());
        }
        ("GET", "/v1/models") => openai::models(&house.identities()),
        ("GET", "/api/version") => ollama::version(),
        ("GET", "/api/tags") => ollama::tags(&house.identities()),
        ("GET", "/api/ps") => ollama::loaded(&house.identities()),
        ("POST", "/api/show") => ollama::shown(),
        ("GET", "/truth") => json!(house.truth(asked.head.query == "requests=true")),
        ("POST", "/truth/reset") => {
            house.reset();
            json!({ "status": "reset" })
        }
        _ => return lost(path),
    };
    Reply::json(200, &content)
}

/// There is no such page, or not with this method.
fn lost(path: &str) -> Reply {
    const PAGES: [&str; 9] = [
        "/health",
        "/metrics",
        "/v1/models",
        "/api/version",
        "/api/tags",
        "/api/ps",
        "/api/show",
        "/truth",
        "/truth/reset",
    ];
    let (code, why) = match PAGES.contains(&path) || Endpoint::at(path).is_some() {
        true => (405, "this page is not asked with this method"),
        false => (404, "there is no such page; docs/MOCK_SERVER.md lists them"),
    };
    Reply::json(code, &error(path.starts_with("/api/"), code, why))
}
