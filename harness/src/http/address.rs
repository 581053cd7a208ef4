//! Where a target listens, and how it is asked: base URL, key and client in one.

use super::secret::Secret;
use crate::driver::OpenError;
use crate::wire::piece::Dialect;
use reqwest::header::{AUTHORIZATION, CONNECTION};
use reqwest::{Client, Proxy, RequestBuilder, Url};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokgate_core::case::Target;
use tokgate_core::failure::Failure;

/// A target's address.
pub(crate) struct Address {
    /// Whose language is spoken there.
    pub(crate) dialect: Dialect,
    base: Url,
    key: Option<Secret>,
    client: Client,
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
        let proxy = target.proxy.as_deref().map(proxy).transpose()?;
        let client = super::client::http_client(&base, connect, proxy).map_err(|failure| {
            let advice = "install the machine's CA certificates (package `ca-certificates`)".into();
            OpenError::Unreachable { failure, advice }
        })?;
        Ok(Self { dialect, base, key, client, one_post_a_connection: AtomicBool::new(false) })
    }

    /// From now on each POST ends its connection, and says so.
    pub(crate) fn end_connections(&self) {
        self.one_post_a_connection.store(true, Ordering::Relaxed);
    }

    /// Whether each POST has a connection of its own.
    pub(crate) fn ends_connections(&self) -> bool {
        self.one_post_a_connection.load(Ordering::Relaxed)
    }

    /// What an error means for a request. A server that hung up on a kept connection would do it
    /// again: the request is lost, and the next ones are sent on connections of their own.
    pub(crate) fn failure(&self, error: reqwest::Error) -> Failure {
        if super::client::is_hang_up(&error) && !self.ends_connections() {
            tracing::warn!(
                "{} hung up on a connection before it answered; from now on each request has a \
                 connection of its own",
                self.base
            );
            self.end_connections();
        }
        super::client::failure(error)
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

    /// A POST to `path` below the base URL.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        let post = self.with_key(self.client.post(self.below_base(path)));
        match self.ends_connections() {
            true => post.header(CONNECTION, "close"),
            false => post,
        }
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

fn proxy(written: &str) -> Result<Proxy, OpenError> {
    Proxy::all(written).map_err(|error| {
        OpenError::Invalid(format!("the proxy in [target] is no address ({error})"))
    })
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
