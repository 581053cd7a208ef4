//! The server on a thread of its own, for tests.

use super::options::Options;
use super::serve::{Book, Listening, StartError};
use super::truth::Truth;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A running server; it stops when it is dropped.
pub struct Server {
    address: SocketAddr,
    /// `None` once it stops.
    orders: Option<UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// What the server's thread is asked between two requests.
enum Order {
    Truth(mpsc::Sender<Truth>),
    Reset(mpsc::Sender<()>),
}

impl Server {
    /// Starts a server; it listens when this returns.
    ///
    /// # Errors
    /// When the options do not fit together or the operating system refuses.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listening = runtime.block_on(Listening::start(options))?;
        let address = listening.address();
        let (orders, received) = unbounded_channel();
        let thread =
            std::thread::Builder::new().name("mock-server".to_owned()).spawn(move || {
                let book = listening.book();
                // A timer that fails leaves every client waiting, which they notice by themselves.
                let _ = runtime.block_on(listening.serve(obey(book, received)));
            })?;
        Ok(Self { address, orders: Some(orders), thread: Some(thread) })
    }

    /// The base URL of its OpenAI-compatible API.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The base URL of Ollama's API.
    #[must_use]
    pub fn ollama_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it really did, with every request. Whoever has read the end of a reply finds it here.
    ///
    /// # Panics
    /// When the server has ended: its lifetime was too short.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.ask(Order::Truth)
    }

    /// Forgets what was done so far.
    ///
    /// # Panics
    /// When the server has ended: its lifetime was too short.
    pub fn reset(&self) {
        self.ask(Order::Reset);
    }

    fn ask<T>(&self, order: impl FnOnce(mpsc::Sender<T>) -> Order) -> T {
        let (answer, answered) = mpsc::channel();
        let orders = self.orders.as_ref().expect("taken only when it is dropped");
        // A server that has ended drops the order, which the line below notices.
        let _ = orders.send(order(answer));
        answered.recv().expect("the mock server has ended; give it a longer --lifetime-s")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic of its thread was told when it happened.
            let _ = thread.join();
        }
    }
}

/// Does as it is told until nobody can tell any more.
async fn obey(book: Book, mut orders: UnboundedReceiver<Order>) {
    while let Some(order) = orders.recv().await {
        match order {
            // Whoever asked may have gone.
            Order::Truth(answer) => {
                let _ = answer.send(book.truth());
            }
            Order::Reset(answer) => {
                book.reset();
                let _ = answer.send(());
            }
        }
    }
}
