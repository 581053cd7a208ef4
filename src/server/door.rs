//! Who may ask, by which name, and how much: looked at before anything is looked up.

use super::house::House;
use super::problem::Problem;
use super::reply;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;
use std::time::Duration;

/// Longest address with its query, bytes.
pub(super) const LONGEST: usize = 8192;
/// How long somebody without the token waits for the answer: two guesses a second and connection.
const PENALTY: Duration = Duration::from_millis(500);
/// By which browsers say who asks.
const SITE: &str = "sec-fetch-site";

/// Lets a request in or not; every answer goes out through here, too.
pub(super) async fn door(
    State(house): State<Arc<House>>,
    request: Request,
    next: Next,
) -> Response {
    let has_body = says_body(request.headers());
    let mut response = match refusal(&house, &request) {
        None => next.run(request).await,
        Some(problem) => problem.reply().response(request.headers()),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        tokio::time::sleep(PENALTY).await;
    }
    if has_body {
        // Where it ends, somebody between us may see otherwise: nothing more is read behind it.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    reply::guard(response.headers_mut());
    house.tally.count(response.status());
    response
}

/// Why a request is not let in. Who it calls is looked at before what it asks.
fn refusal(house: &House, request: &Request) -> Option<Problem> {
    let headers = request.headers();
    let address = request.uri().path_and_query().map_or(0, |it| it.as_str().len());
    let checks = [
        (address > LONGEST).then(|| Problem::long(LONGEST)),
        misdirected(house, request),
        is_foreign(house, headers).then(Problem::cross_site),
        is_changing(request.method()).then(Problem::method),
        has_body(headers),
        is_unknown(house, headers).then(Problem::unknown_caller),
    ];
    checks.into_iter().flatten().next()
}

fn misdirected(house: &House, request: &Request) -> Option<Problem> {
    let hosts: Vec<_> = request.headers().get_all(header::HOST).iter().collect();
    let [host] = hosts.as_slice() else {
        return Some(Problem::bad("a request has one `Host`"));
    };
    let is_ours = host.to_str().is_ok_and(|host| house.hosts.allow(host));
    // The whole address may stand in the request's first line, and counts then.
    let named = request.uri().authority().is_none_or(|it| house.hosts.allow(it.as_str()));
    (!is_ours || !named).then(Problem::misdirected)
}

/// Whether a page of another place asks.
fn is_foreign(house: &House, headers: &HeaderMap) -> bool {
    let is_cross_site = headers.get_all(SITE).iter().any(|site| site == "cross-site");
    let is_ours = |origin: &str| house.hosts.allow_origin(origin);
    let mut origins = headers.get_all(header::ORIGIN).iter();
    is_cross_site || origins.any(|origin| !origin.to_str().is_ok_and(is_ours))
}

fn is_changing(method: &Method) -> bool {
    *method != Method::GET && *method != Method::HEAD
}

fn has_body(headers: &HeaderMap) -> Option<Problem> {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Some(Problem::bad("no request has a body here, and none comes in pieces"));
    }
    says_body(headers).then(Problem::body)
}

/// Whether a request says that a body comes behind it.
fn says_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    headers.contains_key(header::TRANSFER_ENCODING) || lengths.any(|length| length != "0")
}

fn is_unknown(house: &House, headers: &HeaderMap) -> bool {
    let Some(token) = &house.token else { return false };
    let shown: Vec<_> = headers.get_all(header::AUTHORIZATION).iter().collect();
    match shown.as_slice() {
        [one] => !one.to_str().is_ok_and(|shown| token.is_shown_by(shown)),
        _ => true,
    }
}
