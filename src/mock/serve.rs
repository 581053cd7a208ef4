//! Listening and serving, all on one thread.

use super::connection::{Connection, NoRequest};
use super::exchange::Next;
use super::house::{House, NoHouse, lifetime};
use super::openai;
use super::options::Options;
use super::pages;
use super::reply::Reply;
use super::schedule::NoTime;
use super::truth::Truth;
use super::voice::ErrorShape;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Most connections at once; more wait in the operating system's queue.
const CONNECTIONS: usize = 4096;
/// How many may wait there: a thousand streams begin at one instant.
const BACKLOG: u32 = 4096;
/// How long to wait when the operating system has no descriptor left.
const NO_DESCRIPTOR: Duration = Duration::from_millis(50);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It would be reachable from elsewhere.
    #[error("{0} is not a loopback address; the mock server has no locks, so it stays at home")]
    NotLoopback(IpAddr),
    /// A time is none.
    #[error(transparent)]
    NoTime(#[from] NoTime),
    /// More faults than requests.
    #[error("the rates of all faults together are {0}; they cannot be more than 1")]
    TooManyFaults(f64),
    /// The address is taken, or the operating system refuses.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        why: io::Error,
    },
    /// The operating system refuses something else.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl From<NoHouse> for StartError {
    fn from(error: NoHouse) -> Self {
        match error {
            NoHouse::NoTime(error) => Self::NoTime(error),
            NoHouse::NoTimer(error) => Self::System(error),
        }
    }
}

/// A server that listens and does not serve yet.
pub struct Listening {
    listener: TcpListener,
    house: Arc<House>,
    lifetime: Duration,
    address: SocketAddr,
}

impl Listening {
    /// Listens on a loopback address.
    ///
    /// # Errors
    /// When the options do not fit together or the address cannot be listened on.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        if !options.bind.is_loopback() {
            return Err(StartError::NotLoopback(options.bind));
        }
        let rates = options.faults.iter().map(|it| it.share).sum::<f64>();
        // Ten times 0.1 is a little more than 1.
        if rates > 1.0 + 1e-9 {
            return Err(StartError::TooManyFaults(rates));
        }
        let address = SocketAddr::new(options.bind, options.port);
        let listener = listen(address).map_err(|why| StartError::Listen { address, why })?;
        let address = listener.local_addr()?;
        let lifetime = lifetime(&options)?;
        Ok(Self { listener, house: Arc::new(House::new(options)?), lifetime, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `end`, or to the end of its lifetime.
    ///
    /// # Errors
    /// When the timer fails.
    pub async fn serve(self, end: impl Future<Output = ()>) -> io::Result<()> {
        let house = Arc::clone(&self.house);
        // As a task it is woken, and wakes the streams, without the operating system.
        let mut pace = tokio::spawn(async move { house.pace.run().await });
        let served = tokio::select! {
            () = end => Ok(()),
            () = tokio::time::sleep(self.lifetime) => Ok(()),
            () = accept(self.listener, self.house) => Ok(()),
            failed = &mut pace => failed.map_err(io::Error::other).flatten(),
        };
        pace.abort();
        served
    }

    /// The truth of this server, for whoever runs on the same thread.
    pub(super) fn book(&self) -> Book {
        Book(Arc::clone(&self.house))
    }
}

/// The server's book, open to the thread that it is written on: nothing is written while it is
/// read.
pub(super) struct Book(Arc<House>);

impl Book {
    pub(super) fn truth(&self) -> Truth {
        self.0.truth(true)
    }

    pub(super) fn reset(&self) {
        self.0.reset();
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address.is_ipv4() {
        true => tokio::net::TcpSocket::new_v4()?,
        false => tokio::net::TcpSocket::new_v6()?,
    };
    // Elsewhere than on Unix this would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: TcpListener, house: Arc<House>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((socket, _)) => {
                let house = Arc::clone(&house);
                tokio::spawn(async move {
                    converse(&house, socket).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(NO_DESCRIPTOR).await,
        }
    }
}

/// Answers what is asked on a connection until it ends.
async fn converse(house: &House, socket: TcpStream) {
    let Ok(mut connection) = Connection::new(socket, house.options.write_bytes) else {
        return;
    };
    loop {
        let asked = match connection.ask().await {
            Ok(asked) => asked,
            Err(NoRequest::Over) => return,
            Err(NoRequest::Unreadable(it)) => {
                let error = openai::error(ErrorShape::Own, it.why, it.code);
                let reply = Reply::json(it.code, &error).with("connection: close\r\n");
                // Whether it is read or not, the connection is over.
                let _ = connection.send(&reply.bytes()).await;
                return;
            }
        };
        match pages::answer(house, &mut connection, &asked).await {
            Ok(Next::Keep) if asked.head.keep_alive => {}
            Ok(Next::Hang) => return connection.hang().await,
            Ok(Next::Reset) => return connection.reset(),
            Ok(Next::Keep | Next::Close) | Err(_) => return,
        }
    }
}
