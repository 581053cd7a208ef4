//! Who may ask, by which name, and how much: looked at before anything is looked up.

use super::dashboard;
use super::house::House;
use super::problem::Problem;
use super::push;
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
    let refusal = refusal(&house, &request);
    // Of what is kept, everything is read.
    let leaves_body = says_body(request.headers()) && !(refusal.is_none() && pushes(&request));
    let mut response = match refusal {
        None => next.run(request).await,
        Some(problem) => problem.reply().response(request.headers()),
    };
    if response.status() == StatusCode::UNAUTHORIZED {
        tokio::time::sleep(PENALTY).await;
    }
    if leaves_body {
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
        is_closed(house, request),
        has_body(request),
        is_unknown(house, request).then(|| Problem::unknown_caller(pushes(request))),
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

/// Whether something is to be kept where nothing is.
fn is_closed(house: &House, request: &Request) -> Option<Problem> {
    let is_push = request.uri().path().starts_with(push::UNDER);
    match is_changing(request.method()) {
        true if is_push && house.write_token.is_none() => Some(Problem::closed()),
        true if !is_push => Some(Problem::method()),
        _ => None,
    }
}

fn is_changing(method: &Method) -> bool {
    *method != Method::GET && *method != Method::HEAD
}

/// Whether somebody pushes.
fn pushes(request: &Request) -> bool {
    is_changing(request.method()) && request.uri().path().starts_with(push::UNDER)
}

fn has_body(request: &Request) -> Option<Problem> {
    let headers = request.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Some(Problem::bad("no request has a body here, and none comes in pieces"));
    }
    match pushes(request) {
        true => is_too_long(headers).then(|| Problem::part(push::PART)),
        false => says_body(headers).then(Problem::body),
    }
}

/// Whether a part is longer than parts are. One that says nothing of its length has none.
fn is_too_long(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = |text: &HeaderValue| text.to_str().ok()?.parse::<usize>().ok();
    lengths.any(|text| length(text).is_none_or(|length| length > push::PART))
}

/// Whether a request says that a body comes behind it.
fn says_body(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    headers.contains_key(header::TRANSFER_ENCODING) || lengths.any(|length| length != "0")
}

/// Whether somebody asks who has not shown the token. A page that says nothing of what was measured needs
/// none: a browser shows the token only once the page is there.
fn is_unknown(house: &House, request: &Request) -> bool {
    let token = match pushes(request) {
        true => house.write_token.as_ref(),
        false => house.token.as_ref().filter(|_| !dashboard::is_open(request.uri().path())),
    };
    let Some(token) = token else { return false };
    let headers = request.headers();
    let shown: Vec<_> = headers.get_all(header::AUTHORIZATION).iter().collect();
    match shown.as_slice() {
        [one] => !one.to_str().is_ok_and(|shown| token.is_shown_by(shown)),
        _ => true,
    }
}
