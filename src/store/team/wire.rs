//! The wire to a PostgreSQL: connected, asked, hung up; each within a time of our own.
//!
//! A server's own timeouts are kept by the server, and end nothing where it is frozen or what is sent is
//! swallowed on the way. So nothing here waits for the server to end a wait, not even hanging up.

use crate::store::team::Address;
use crate::store::team::address::Tls;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long connecting to one address of a name may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long what was sent may stay without an answer of the other machine.
const SILENCE: Duration = Duration::from_secs(15);
/// How long nothing may come before the other machine is asked whether it is there.
const ASK_AFTER: Duration = Duration::from_secs(10);
/// How long hanging up in good manners may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// None came within this time. Whether it was done is not known, and nothing further is asked.
    Silent(Duration),
    /// The server or the connection said so.
    Said(Error),
    /// We cannot even begin.
    Io(std::io::Error),
}

/// What reads and writes while somebody waits.
type Connection = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A connection whose waits end.
pub(super) struct Wire {
    // Both are only taken when this goes.
    runtime: Option<Runtime>,
    client: Option<Client>,
    connection: Connection,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// It was silent for this long, once; an answer may still be on its way, to nobody.
    Silent(Duration),
    /// The connection ended.
    Over,
}

impl Wire {
    /// Connects, proves who we are, and has `first` done; all of it within `time`.
    pub(super) fn open(
        address: &Address,
        trust: Option<ClientConfig>,
        first: &str,
        time: Duration,
    ) -> Result<Self, Broken> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Broken::Io)?;
        let config = config(address);
        let connected =
            runtime.block_on(async { tokio::time::timeout(time, connect(&config, trust)).await });
        // What looks a name up may be at it for long, and is not waited for.
        let (client, connection) = match connected {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => {
                runtime.shutdown_background();
                return Err(Broken::Said(error));
            }
            Err(_) => {
                runtime.shutdown_background();
                return Err(Broken::Silent(time));
            }
        };
        let mut wire =
            Self { runtime: Some(runtime), client: Some(client), connection, state: State::Open };
        wire.ask(time, async |client| client.batch_execute(first).await)?;
        Ok(wire)
    }

    /// Whether it may be used again.
    pub(super) fn is_sound(&self) -> bool {
        self.state == State::Open && self.client.as_ref().is_some_and(|client| !client.is_closed())
    }

    /// What `work` has for an answer, if it comes within `time`.
    pub(super) fn ask<T>(
        &mut self,
        time: Duration,
        work: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, Broken> {
        if let State::Silent(time) = self.state {
            return Err(Broken::Silent(time));
        }
        let Self { runtime, client, connection, state } = self;
        let runtime = runtime.as_ref().expect("it is taken only when this goes");
        let client = client.as_ref().expect("it is taken only when this goes");
        let answer = runtime.block_on(async {
            let both = beside(connection, state, work(client));
            tokio::time::timeout(time, both).await
        });
        match answer {
            Ok(answer) => answer.map_err(Broken::Said),
            Err(_) => {
                self.state = State::Silent(time);
                Err(Broken::Silent(time))
            }
        }
    }
}

/// What `work` comes to while the connection is driven. One that ends with an error ends the work with it: it
/// says more than that the connection is closed.
async fn beside<T>(
    connection: &mut Connection,
    state: &mut State,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut work = std::pin::pin!(work);
    while *state == State::Open {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                *state = State::Over;
                ended?;
            }
            done = &mut work => return done,
        }
    }
    work.await
}

impl Drop for Wire {
    fn drop(&mut self) {
        let is_sound = self.is_sound();
        // Without a client the connection says goodbye and ends, unless an answer is still to come.
        drop(self.client.take());
        let Some(runtime) = self.runtime.take() else { return };
        if is_sound {
            let connection = self.connection.as_mut();
            let _ = runtime.block_on(async { tokio::time::timeout(GOODBYE, connection).await });
        }
        runtime.shutdown_background();
    }
}

async fn connect(
    config: &Config,
    trust: Option<ClientConfig>,
) -> Result<(Client, Connection), Error> {
    match trust {
        Some(trust) => {
            let (client, connection) = config.connect(MakeRustlsConnect::new(trust)).await?;
            Ok((client, Box::pin(connection)))
        }
        None => {
            let (client, connection) = config.connect(NoTls).await?;
            Ok((client, Box::pin(connection)))
        }
    }
}

fn config(address: &Address) -> Config {
    let mut config = Config::new();
    config
        .host(&address.host)
        .port(address.port)
        .user(&address.user)
        .dbname(&address.database)
        .application_name("tokgate")
        .connect_timeout(CONNECT)
        .tcp_user_timeout(SILENCE)
        .keepalives_idle(ASK_AFTER)
        .keepalives_interval(ASK_AFTER)
        .keepalives_retries(2)
        .ssl_mode(match address.tls {
            Tls::Off => SslMode::Disable,
            Tls::Offered => SslMode::Prefer,
            Tls::Always if address.is_socket() => SslMode::Disable,
            Tls::Always => SslMode::Require,
        });
    if let Some(password) = &address.password {
        config.password(password);
    }
    config
}

/// Whom we believe: the certificates that are named, else what this machine trusts. In either case the
/// server's is for the name that was asked for. Nobody where nothing is encrypted.
pub(super) fn trust(address: &Address) -> Result<Option<ClientConfig>, String> {
    // Over a socket of this machine there is nothing to encrypt.
    if address.tls == Tls::Off || address.is_socket() {
        return Ok(None);
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = match &address.roots {
        Some(file) => config.with_root_certificates(roots(file)?),
        None => config.with_platform_verifier().map_err(|error| error.to_string())?,
    };
    Ok(Some(config.with_no_client_auth()))
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let named = |why: String| format!("{}: {why}", file.display());
    let mut store = RootCertStore::empty();
    let all = CertificateDer::pem_file_iter(file).map_err(|error| named(error.to_string()))?;
    for one in all {
        let one = one.map_err(|error| named(error.to_string()))?;
        store.add(one).map_err(|error| named(error.to_string()))?;
    }
    match store.is_empty() {
        true => Err(named("no certificate in it".to_owned())),
        false => Ok(store),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Long enough for a server on this machine.
    const LONG: Duration = Duration::from_secs(60);
    /// What nobody answers within.
    const SHORT: Duration = Duration::from_millis(50);
    /// "You are in", and "ready for a question".
    const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    /// "Done", and "ready for the next one".
    const DONE: &[u8] = b"C\0\0\0\x08SET\0Z\0\0\0\x05I";

    /// A server that sends each of these for a message, then takes what comes and never says a word.
    fn silent_after(answers: &'static [&'static [u8]]) -> Address {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = server.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let mut taken = [0; 1024];
            for answer in answers {
                assert!(stream.read(&mut taken).unwrap() > 0);
                stream.write_all(answer).unwrap();
            }
            while stream.read(&mut taken).is_ok_and(|n| n > 0) {}
        });
        Address::parse(&format!("postgres://a@{place}/b?sslmode=disable")).unwrap()
    }

    fn is_silent<T>(answer: Result<T, Broken>) -> bool {
        matches!(answer, Err(Broken::Silent(_)))
    }

    #[test]
    fn a_server_that_freezes_in_the_middle_of_a_statement_is_not_waited_for() {
        let address = silent_after(&[WELCOME, DONE]);
        let mut wire = Wire::open(&address, None, "SET a TO b", LONG).unwrap();
        assert!(wire.is_sound());
        assert!(is_silent(wire.ask(SHORT, async |client| client.batch_execute("COMMIT").await)));
        assert!(!wire.is_sound());
        // It is not asked again, and nobody waits to say goodbye to it.
        assert!(is_silent(wire.ask(LONG, async |client| client.batch_execute("SELECT").await)));
        drop(wire);
    }

    #[test]
    fn a_server_that_takes_no_more_bytes_is_not_waited_for() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = server.local_addr().unwrap();
        let full = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            for answer in [WELCOME, DONE] {
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                stream.write_all(answer).unwrap();
            }
            stream
        });
        let url = format!("postgres://a@{place}/b?sslmode=disable");
        let mut wire = Wire::open(&Address::parse(&url).unwrap(), None, "SET", LONG).unwrap();
        let stream = full.join().unwrap();
        let much = "x".repeat(64 << 20);
        assert!(is_silent(wire.ask(SHORT, async |client| client.batch_execute(&much).await)));
        drop(wire);
        drop(stream);
    }

    #[test]
    fn a_server_that_freezes_before_it_has_greeted_is_not_waited_for() {
        for answers in [&[] as &[&[u8]], &[WELCOME]] {
            assert!(is_silent(Wire::open(&silent_after(answers), None, "SET", SHORT)));
        }
    }

    #[test]
    fn a_server_that_freezes_in_the_middle_of_tls_is_not_waited_for() {
        let plain = silent_after(&[b"S"]);
        let address = Address { tls: Tls::Always, ..plain };
        let trust = trust(&address).unwrap();
        assert!(trust.is_some());
        assert!(is_silent(Wire::open(&address, trust, "SET", SHORT)));
    }

    #[test]
    fn a_connection_that_ends_says_why_and_is_used_no_more() {
        let address = silent_after(&[WELCOME, DONE, b"E\0\0\0\x1fSFATAL\0C57P01\0Mgoing away\0\0"]);
        let mut wire = Wire::open(&address, None, "SET", LONG).unwrap();
        let said = wire.ask(LONG, async |client| client.batch_execute("SELECT").await);
        let Err(Broken::Said(error)) = said else { panic!("it ended") };
        assert_eq!(error.code().unwrap().code(), "57P01");
    }
}
