//! Listening, accepting and ending. Connections are accepted here and not by axum's own server, which waits
//! for a request's head for as long as the client likes.

use super::Settings;
use super::hosts::Hosts;
use super::house::House;
use super::patient::Patient;
use super::router::router;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

/// Most connections at once; more wait in the operating system's queue.
const CONNECTIONS: u32 = 256;
/// How long a request's head may take to come, and how long a connection may be kept without one.
const HEAD: Duration = Duration::from_secs(10);
/// Largest head, bytes; SQLite and we read no cookie.
const LARGEST: usize = 32 << 10;
/// How long a connection lives, however busy it is: one that is read from slowly ends, too.
const LIFETIME: Duration = Duration::from_secs(300);
/// How long those who are told to end may take.
const FAREWELL: Duration = Duration::from_secs(3);
/// What the operating system keeps for a client that does not read, bytes: it doubles it, and by what is
/// beyond it a client is found that reads no more.
const UNREAD: u32 = 64 << 10;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long to wait when the operating system has no descriptor left.
const NO_DESCRIPTOR: Duration = Duration::from_millis(50);

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Everybody who reaches this machine could ask.
    #[error(
        "{0} can be reached from elsewhere: name a file with a token that everybody must show, \
         `--token-file FILE`, or stay at 127.0.0.1"
    )]
    Open(IpAddr),
    /// The address is taken, or the operating system refuses.
    #[error("cannot listen on {address}: {why}; choose another `--port` or `--bind`")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        why: io::Error,
    },
}

/// A server that listens and does not serve yet.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    router: Router,
    house: Arc<House>,
    address: SocketAddr,
}

impl Listening {
    /// Listens.
    ///
    /// # Errors
    /// When the address is not a loopback one and there is no token, or it cannot be listened on.
    pub async fn start(mut settings: Settings) -> Result<Self, StartError> {
        if !settings.bind.is_loopback() && settings.token.is_none() {
            return Err(StartError::Open(settings.bind));
        }
        let address = SocketAddr::new(settings.bind, settings.port);
        let refused = |why| StartError::Listen { address, why };
        let listener = listen(address).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let hosts = Hosts::of(address, std::mem::take(&mut settings.hosts));
        let house = Arc::new(House::new(settings, hosts));
        let router = router(Arc::clone(&house));
        Ok(Self { listener, router, house, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `end`; connections that are open then are told, and have three seconds.
    pub async fn serve(self, end: impl Future<Output = ()>) {
        let Self { listener, router, house, .. } = self;
        let (over, told) = watch::channel(());
        let room = Arc::new(Semaphore::new(CONNECTIONS as usize));
        tokio::select! {
            () = end => {}
            () = accept(&listener, &router, &room, &told) => {}
            () = house.board.follow() => {}
        }
        drop(listener);
        over.send_replace(());
        house.board.close();
        // Those who have not ended by then end with us.
        let _ = timeout(FAREWELL, room.acquire_many(CONNECTIONS)).await;
    }
}

/// A listener whose connections keep little for those who do not read.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // As Rust's own listener: a server that is started again finds its port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(UNREAD)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(
    listener: &TcpListener,
    router: &Router,
    room: &Arc<Semaphore>,
    told: &watch::Receiver<()>,
) {
    while let Ok(place) = Arc::clone(room).acquire_owned().await {
        match listener.accept().await {
            Ok((socket, _)) => {
                let (router, told) = (router.clone(), told.clone());
                tokio::spawn(async move {
                    converse(router, socket, told).await;
                    drop(place);
                });
            }
            Err(_) => sleep(NO_DESCRIPTOR).await,
        }
    }
}

/// Answers what is asked on a connection until it ends, or everything does.
async fn converse(router: Router, socket: TcpStream, mut told: watch::Receiver<()>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(http.serve_connection(TokioIo::new(Patient::new(socket)), service));
    tokio::select! {
        // A client that leaves or talks nonsense is its own affair.
        _ = connection.as_mut() => return,
        _ = told.changed() => {}
        () = sleep(LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(FAREWELL, connection).await;
}
