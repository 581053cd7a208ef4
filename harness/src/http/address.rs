//! Where a target listens, and how it is asked: base URL, key, connections and client in one.

use super::client::{self, USER_AGENT};
use super::connection::{Connection, Connections};
use super::connector::{Connector, Proxy};
use super::failure::{Stage, failure_at};
use super::secret::Secret;
use crate::driver::OpenError;
use crate::wire::piece::Dialect;
use bytes::Bytes;
use http_body_util::Full;
use hyper::http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, USER_AGENT as WHO,
};
use hyper::http::{HeaderMap, HeaderValue};
use hyper::{Method, Request, Uri};
use reqwest::{Client, RequestBuilder, Url};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokgate_core::case::Target;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;

/// A target's address.
pub(crate) struct Address {
    /// Whose language is spoken there.
    pub(crate) dialect: Dialect,
    base: Url,
    key: Option<Secret>,
    /// For questions before a measurement.
    client: Client,
    /// For what is measured.
    pub(super) connections: Arc<Connections>,
    /// What every measured request says of itself.
    headers: HeaderMap,
    /// Whether each POST has a connection of its own.
    one_post_a_connection: AtomicBool,
}

impl Address {
    /// The address `base` of a target, checked.
    pub(crate) fn new(
        base: &str,
        dialect: Dialect,
        target: &Target,
        connect: Duration,
    ) -> Result<Self, OpenError> {
        let base = base_url(base)?;
        let key = target.api_key_env.as_deref().map(key_from).transpose()?;
        if key.is_some() && base.scheme() == "http" && !is_loopback(&base) {
            return Err(OpenError::Invalid(format!(
                "`{base}` would carry the key in the clear; use https, or leave `api_key_env` out"
            )));
        }
        let no_certificates = |failure| {
            let advice = "install the machine's CA certificates (package `ca-certificates`)".into();
            OpenError::Unreachable { failure, advice }
        };
        let uri = uri(base.as_str())?;
        let proxy = target.proxy.as_deref().map(|it| Proxy::new(it, &uri)).transpose()?;
        let tls = client::tls(&base).map_err(no_certificates)?;
        let connector = Connector::new(&base, uri, proxy, tls.clone(), connect)?;
        let proxy = target.proxy.as_deref().map(proxy_of_questions).transpose()?;
        let client = client::question_client(tls, connect, proxy).map_err(no_certificates)?;
        let headers = headers(&base, key.as_ref(), &connector)?;
        Ok(Self {
            dialect,
            base,
            key,
            client,
            connections: Arc::new(Connections::new(connector)),
            headers,
            one_post_a_connection: AtomicBool::new(false),
        })
    }

    /// From now on each POST ends its connection, and says so.
    pub(crate) fn end_connections(&self) {
        self.one_post_a_connection.store(true, Ordering::Relaxed);
    }

    /// Whether each POST has a connection of its own.
    pub(crate) fn ends_connections(&self) -> bool {
        self.one_post_a_connection.load(Ordering::Relaxed)
    }

    /// A connection for a measured request.
    ///
    /// # Errors
    /// When none can be made.
    pub(super) async fn connection(&self) -> Result<Connection, Failure> {
        match self.ends_connections() {
            true => self.connections.connector.connect().await,
            false => self.connections.any().await,
        }
    }

    /// Adds whose clock stamped what was read there, where anything was.
    pub(crate) fn put_stamps_into(&self, identity: &mut TargetIdentity) {
        if let Some(source) = self.connections.connector.sources.in_a_word() {
            identity.config.insert("receive_stamps".to_owned(), source.into());
        }
    }

    /// A failure in the server's own words.
    pub(crate) fn said(&self, class: FailureClass, words: &str) -> Failure {
        super::refusal::said(class, words, self)
    }

    /// What an error before the response's head means for a measured request. A server that hung up
    /// on a kept connection would do it again: the request is lost, and the next ones are sent on
    /// connections of their own.
    pub(super) fn failure(&self, error: &hyper::Error) -> Failure {
        let failure = failure_at(Stage::Head, error);
        if failure.class == FailureClass::Connect && !self.ends_connections() {
            tracing::warn!(
                "{} hung up on a connection before it answered; from now on each request has a \
                 connection of its own",
                self.base
            );
            self.end_connections();
        }
        failure
    }

    /// A measured POST of `body` to `path` below the base URL.
    ///
    /// # Errors
    /// When the base URL is too strange for HTTP.
    pub(super) fn measured_post(
        &self,
        path: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let url = self.below_base(path);
        // A proxy that sees the request wants the whole address, a server the path alone.
        let target = match self.connections.connector.seeing_proxy() {
            Some(_) => url.as_str(),
            None => url.path(),
        };
        let target = target.parse::<Uri>();
        let target =
            target.map_err(|error| Failure::new(FailureClass::Connect, error.to_string()))?;
        let mut post = Request::new(Full::new(body));
        *post.method_mut() = Method::POST;
        *post.uri_mut() = target;
        post.headers_mut().clone_from(&self.headers);
        if self.ends_connections() {
            post.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(post)
    }

    /// The base URL, fit to be shown: it holds no key.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// A GET of `path` below the base URL.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.with_key(self.client.get(self.below_base(path)))
    }

    /// A GET of `path` at the server's root, where servers keep what is not OpenAI's.
    pub(crate) fn get_at_root(&self, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(path);
        self.with_key(self.client.get(url))
    }

    /// A POST to `path` below the base URL, for a question before a measurement.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.with_key(self.client.post(self.below_base(path)))
    }

    /// `text` without the key.
    pub(crate) fn scrub(&self, text: String) -> String {
        match &self.key {
            Some(key) => key.scrub(text),
            None => text,
        }
    }

    /// What the server said, fit to be stored and shown. Cut it only after this, or a part of a
    /// key could be left at the cut.
    pub(crate) fn quote(&self, said: &str) -> String {
        super::client::escape(&self.scrub(said.to_owned()))
    }

    fn below_base(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    fn with_key(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.header(AUTHORIZATION, key.header()),
            None => request,
        }
    }
}

fn base_url(written: &str) -> Result<Url, OpenError> {
    let url = Url::parse(written).map_err(|error| {
        OpenError::Invalid(format!(
            "the base URL is not one ({error}): http://127.0.0.1:8000/v1 is"
        ))
    })?;
    let bare = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !matches!(url.scheme(), "http" | "https") {
        Err(OpenError::Invalid(format!("the base URL begins with `{}:`, not http:", url.scheme())))
    } else if !bare || url.fragment().is_some() {
        Err(OpenError::Invalid(
            "the base URL holds a user, a query or a fragment; keys come from the environment \
             variable that `api_key_env` names"
                .to_owned(),
        ))
    } else {
        Ok(url)
    }
}

fn uri(written: &str) -> Result<Uri, OpenError> {
    written.parse().map_err(|error| {
        OpenError::Invalid(format!("the base URL is none that HTTP can carry ({error})"))
    })
}

fn proxy_of_questions(written: &str) -> Result<reqwest::Proxy, OpenError> {
    reqwest::Proxy::all(written).map_err(|error| {
        OpenError::Invalid(format!("the proxy in [target] is no address ({error})"))
    })
}

/// What every measured request says of itself, besides its length.
fn headers(
    base: &Url,
    key: Option<&Secret>,
    connector: &Connector,
) -> Result<HeaderMap, OpenError> {
    let host = match (base.host_str().unwrap_or_default(), base.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let host = HeaderValue::try_from(host).map_err(|error| {
        OpenError::Invalid(format!("the host of the base URL fits no header ({error})"))
    })?;
    let mut headers = HeaderMap::from_iter([
        (HOST, host),
        (WHO, HeaderValue::from_static(USER_AGENT)),
        (ACCEPT, HeaderValue::from_static("*/*")),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ]);
    headers.extend(key.map(|key| (AUTHORIZATION, key.header())));
    let proxy = connector.seeing_proxy().and_then(|proxy| proxy.authorization.clone());
    headers.extend(proxy.map(|authorization| (PROXY_AUTHORIZATION, authorization)));
    Ok(headers)
}

fn key_from(variable: &str) -> Result<Secret, OpenError> {
    let found = std::env::var(variable).ok().filter(|key| !key.is_empty());
    let key = found.ok_or_else(|| {
        OpenError::Invalid(format!(
            "`api_key_env` names {variable}, which is not set; export it, or leave `api_key_env` out"
        ))
    })?;
    Secret::new(key.trim()).ok_or_else(|| {
        OpenError::Invalid(format!("the key in {variable} has characters that no header can carry"))
    })
}

/// Whether an address is one of this machine's own.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, here) in [
            ("http://localhost:1/v1", true),
            ("http://127.9.9.9/v1", true),
            ("http://[::1]:8000/v1", true),
            ("http://localhost.example.com/v1", false),
            ("http://10.0.0.1/v1", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), here, "{url}");
        }
    }
}
