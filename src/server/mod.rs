//! `tokgate serve`: what was measured, asked for over HTTP. Everything is read; only what others push is written,
//! and only where who started the server has a token for that.
//!
//! A request passes the door (who may ask, from where, and how much), finds its route in one
//! table, and is answered by a function of it from one short read of the store. The same table makes the
//! description at `/openapi.json` and the page at `/docs`, so that none of them can say what is not so.
//!
//! What does not live here, on purpose: measuring and judging, and how anything is written. The server reaches
//! into no harness.

mod board;
mod cursor;
mod dashboard;
mod door;
mod hosts;
mod house;
mod known;
mod listed;
mod listen;
mod live;
mod models;
mod openapi;
mod page;
mod parameter;
mod patient;
mod problem;
mod prometheus;
mod push;
mod query;
mod reply;
mod route;
mod router;
mod routes;
mod schema;
mod token;
mod viewer;

pub use hosts::{Host, NoHost};
pub use listen::{Listening, StartError};
pub use token::{NoToken, Token};

use crate::choice::Prices;
use crate::store::Layout;
use std::net::IpAddr;
use std::path::PathBuf;
use tokgate_baseline::Baseline;

/// What is served, where, and to whom.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address to listen on.
    pub bind: IpAddr,
    /// The port; 0 for any that is free.
    pub port: u16,
    /// The results.
    pub layout: Layout,
    /// The project, whose recorded baselines are listed.
    pub project: Option<PathBuf>,
    /// What is shown beside what is seen.
    pub baseline: Option<Baseline>,
    /// What is known of hardware and prices.
    pub prices: Prices,
    /// What everybody must show; absent where everybody on this machine may ask.
    pub token: Option<Token>,
    /// What they must show who push what they measured; absent where nothing is taken.
    pub write_token: Option<Token>,
    /// By which names the server may be called, besides this machine's own.
    pub hosts: Vec<Host>,
}
