//! How object stores are spoken to: TLS as towards targets, by ring and with what this machine trusts.

use object_store::client::{ClientConfigKey, HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::sync::Arc;
use std::time::Duration;

/// How long one request may take: a part of 16 MB over a line of two megabits a second.
const REQUEST: Duration = Duration::from_secs(70);
/// How long is waited for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How often a request is tried again, and for how long: about half a minute, in which a store that is restarted
/// is mostly back.
pub(super) fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(10),
            base: 3.0,
        },
        max_retries: 8,
        retry_timeout: Duration::from_secs(60),
    }
}

/// Makes clients with our TLS.
#[derive(Debug)]
pub(super) struct OurTls;

impl HttpConnector for OurTls {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let said = |key: ClientConfigKey| options.get_config_value(&key);
        let is_plain = said(ClientConfigKey::AllowHttp).is_some_and(|value| is_yes(&value));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tokgate/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(tls(is_plain)?)
            .http1_only()
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .https_only(!is_plain);
        if let Some(url) = said(ClientConfigKey::ProxyUrl) {
            builder = builder.proxy(reqwest::Proxy::all(url).map_err(failed)?);
        }
        builder.build().map(HttpClient::new).map_err(failed)
    }
}

/// As the library reads its own settings from the environment.
fn is_yes(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes" | "y")
}

/// Where plain HTTP is allowed, a machine without any certificates is no error.
fn tls(is_plain: bool) -> object_store::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    match config.clone().with_platform_verifier() {
        Ok(config) => Ok(config.with_no_client_auth()),
        Err(_) if is_plain => {
            Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        }
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Generic { store: "HTTP", source: Box::new(error) }
}
