//! How a connection to a target is made: name lookup, TCP, a proxy where one is asked for, TLS.

use super::connection::Connection;
use super::deadlines::within;
use super::failure::{Stage, failure_at};
use super::receive::Sources;
use super::socket::Socket;
use super::times::Times;
use crate::driver::OpenError;
use hyper::Uri;
use hyper::http::HeaderValue;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower_service::Service;

/// Makes connections to one target.
pub(super) struct Connector {
    tcp: HttpConnector,
    target: Uri,
    tls: Option<Tls>,
    proxy: Option<Proxy>,
    /// How long a connection may take to be made, all stages together.
    limit: Duration,
    /// Where the stamps of what came from the target are from.
    pub(super) sources: Arc<Sources>,
}

struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// A proxy that a scenario asks for.
#[derive(Debug, Clone)]
pub(super) struct Proxy {
    address: Uri,
    /// Its own user and password, where its address holds them.
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    /// # Errors
    /// When `written` is no address of a proxy that is spoken to in the clear: another layer of
    /// TLS would be measured with the target.
    pub(super) fn new(written: &str, target: &Uri) -> Result<Self, OpenError> {
        let found = Matcher::builder().all(written).build().intercept(target);
        let proxy = found.filter(|proxy| proxy.uri().scheme_str() == Some("http"));
        let proxy = proxy.ok_or_else(|| {
            OpenError::Invalid(
                "the proxy in [target] is no address; http://proxy.example:3128 is".to_owned(),
            )
        })?;
        Ok(Self { address: proxy.uri().clone(), authorization: proxy.basic_auth().cloned() })
    }
}

impl Connector {
    /// # Errors
    /// When no certificate can be for the target's name.
    pub(super) fn new(
        base: &Url,
        target: Uri,
        proxy: Option<Proxy>,
        config: ClientConfig,
        limit: Duration,
    ) -> Result<Self, OpenError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        let tls = match base.scheme() {
            "http" => None,
            _ => Some(Tls::new(base, config)?),
        };
        Ok(Self { tcp, target, tls, proxy, limit, sources: Arc::default() })
    }

    /// Makes a connection.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        within(self.limit, FailureClass::TimeoutConnect, self.connect_in_time()).await
    }

    async fn connect_in_time(&self) -> Result<Connection, Failure> {
        let stream = self.reach().await?;
        let times = Times::default();
        let socket = Socket::new(stream, times.clone(), Arc::clone(&self.sources));
        match &self.tls {
            None => Connection::over(socket, times).await,
            Some(Tls { connector, name }) => {
                let greeting = connector.connect(name.clone(), TokioIo::new(socket));
                let stream = greeting.await.map_err(|error| failed(&error))?;
                Connection::over(TokioIo::new(stream), times).await
            }
        }
    }

    /// A TCP connection to the target, or to the proxy in front of it.
    async fn reach(&self) -> Result<TcpStream, Failure> {
        let mut tcp = self.tcp.clone();
        let stream = match (&self.proxy, &self.tls) {
            (None, _) => tcp.call(self.target.clone()).await.map_err(|error| failed(&error))?,
            (Some(proxy), None) => {
                tcp.call(proxy.address.clone()).await.map_err(|error| failed(&error))?
            }
            (Some(proxy), Some(_)) => {
                let tunnel = Tunnel::new(proxy.address.clone(), tcp);
                let mut tunnel = match &proxy.authorization {
                    Some(authorization) => tunnel.with_auth(authorization.clone()),
                    None => tunnel,
                };
                tunnel.call(self.target.clone()).await.map_err(|error| failed(&error))?
            }
        };
        Ok(stream.into_inner())
    }

    /// The proxy to which requests are sent that name the whole address: over TLS, it sees none.
    pub(super) fn seeing_proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| self.tls.is_none())
    }
}

impl Tls {
    fn new(base: &Url, config: ClientConfig) -> Result<Self, OpenError> {
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            OpenError::Invalid(format!("no certificate can be for `{host}` ({error})"))
        })?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

fn failed(error: &(dyn Error + 'static)) -> Failure {
    failure_at(Stage::Connecting, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drivers::replay::{Replay, Script};
    use crate::http::client::tls;

    #[tokio::test]
    async fn a_proxy_opens_a_tunnel_to_what_speaks_tls() {
        let agrees = Script::raw(b"HTTP/1.1 200 OK\r\n\r\n");
        let proxy = Replay::start([("models.example:443", agrees)]).await;
        let base = Url::parse("https://models.example/v1").unwrap();
        let target: Uri = base.as_str().parse().unwrap();
        let between = Proxy::new(&proxy.base_url(), &target).unwrap();
        let trusts_nobody = tls(&Url::parse("http://localhost").unwrap()).unwrap();
        let limit = Duration::from_secs(30);
        let connector = Connector::new(&base, target, Some(between), trusts_nobody, limit).unwrap();
        // It hangs up where TLS would begin.
        assert!(connector.connect().await.is_err());
        assert_eq!(proxy.asked()[0].line, "CONNECT models.example:443 HTTP/1.1");
        assert!(connector.seeing_proxy().is_none());
    }

    #[test]
    fn a_proxy_must_be_spoken_to_in_the_clear() {
        let target = Uri::from_static("http://models.example/v1");
        assert!(Proxy::new("http://proxy.example:3128", &target).is_ok());
        for wrong in ["https://proxy.example", "socks5://proxy.example", "http://"] {
            assert!(Proxy::new(wrong, &target).is_err(), "{wrong}");
        }
    }
}
