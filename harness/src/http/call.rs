//! Timed connections on which whole requests are answered by whole replies: what databases are
//! asked over HTTP. A connection that the server closed while nobody asked is made anew.

use super::client::{USER_AGENT, tls};
use super::connection::Connection;
use super::connector::Connector;
use super::failure::{Stage, failure_at};
use super::line::Moments;
use crate::driver::OpenError;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::http::header::{ACCEPT, HOST, USER_AGENT as WHO};
use hyper::http::{HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode, Uri};
use reqwest::Url;
use std::error::Error;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::run::TargetIdentity;

/// Longest reply: a hundred neighbours with all that a database may say of them, many times over.
const LONGEST_REPLY: usize = 8 << 20;

/// Makes connections to one server.
pub(crate) struct Calls {
    connector: Connector,
    headers: HeaderMap,
}

/// A connection on which one request at a time is asked.
#[derive(Debug)]
pub(crate) struct Call {
    connection: Connection,
    moments: Moments,
}

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl Calls {
    /// Connections to `base`, each made within `limit`; every request has these headers.
    ///
    /// # Errors
    /// When the address is too strange for HTTP, or this machine has no certificates.
    pub(crate) fn to(base: &Url, headers: HeaderMap, limit: Duration) -> Result<Self, OpenError> {
        let strange = |error: &dyn Error| {
            OpenError::Invalid(format!("`base_url` is none that HTTP can carry ({error})"))
        };
        let uri: Uri = base.as_str().parse().map_err(|error| strange(&error))?;
        let tls = tls(base).map_err(|failure| {
            let advice = "install the machine's CA certificates (package `ca-certificates`)".into();
            OpenError::Unreachable { failure, advice }
        })?;
        let host = match (base.host_str().unwrap_or_default(), base.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let host = HeaderValue::try_from(host).map_err(|error| strange(&error))?;
        let mut all = HeaderMap::from_iter([
            (HOST, host),
            (WHO, HeaderValue::from_static(USER_AGENT)),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        all.extend(headers);
        let connector = Connector::new(base, uri, None, tls, limit)?;
        Ok(Self { connector, headers: all })
    }

    /// Makes a connection.
    ///
    /// # Errors
    /// When nobody listens, or it takes too long.
    pub(crate) async fn connect(&self) -> Result<Call, Failure> {
        let connection = self.connector.connect().await?;
        let moments = Moments::of(connection.times.clone());
        Ok(Call { connection, moments })
    }

    /// Asks, and reads the reply to its end.
    ///
    /// # Errors
    /// When the connection fails, or the reply is too long.
    pub(crate) async fn ask(
        &self,
        call: &mut Call,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Said, Failure> {
        if !call.connection.is_free().await {
            *call = self.connect().await?;
        }
        for (name, value) in &self.headers {
            request.headers_mut().entry(name).or_insert_with(|| value.clone());
        }
        let mut response = call.connection.send(request.clone()).await;
        // Closed at this very moment: nothing of the request was written.
        if response.as_ref().is_err_and(hyper::Error::is_canceled) {
            *call = self.connect().await?;
            response = call.connection.send(request).await;
        }
        whole(response.map_err(|error| failure_at(Stage::Head, &error))?).await
    }

    /// Adds whose clock stamped the replies, where there were any.
    pub(crate) fn put_stamps_into(&self, identity: &mut TargetIdentity) {
        if let Some(source) = self.connector.sources.in_a_word() {
            identity.config.insert("receive_stamps".to_owned(), source.into());
        }
    }
}

impl Call {
    /// When the bytes of the last question and its answer went and came.
    pub(crate) fn moments(&self) -> &Moments {
        &self.moments
    }
}

async fn whole(response: Response<hyper::body::Incoming>) -> Result<Said, Failure> {
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST_REPLY).collect().await;
    let body = body.map_err(|error| match error.is::<LengthLimitError>() {
        true => {
            let message = format!("the reply is longer than {LONGEST_REPLY} bytes");
            Failure::new(FailureClass::TooLarge, message)
        }
        false => failure_at(Stage::Body, &*error),
    })?;
    Ok(Said { status, body: body.to_bytes() })
}
