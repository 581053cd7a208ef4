//! A server that knows the truth: it plays a language model at a planned pace, breaks what it is
//! told to break, and keeps what it really did, so that a client's numbers can be held against it.
//!
//! It speaks enough HTTP/1.1 on loopback to have control of every byte. What does not live here, on
//! purpose: a model, anything of the harness (a referee shares no code with whom it watches), and
//! printing.

mod answer;
mod beside;
mod connection;
mod embeddings;
mod exchange;
mod fault;
mod generate;
mod head;
mod house;
mod luck;
mod ollama;
mod openai;
mod options;
mod pace;
mod pages;
mod question;
mod receipt;
mod refusal;
mod reply;
mod schedule;
mod serve;
mod server;
mod truth;
mod voice;

pub use beside::Beside;
pub use fault::{Fault, FaultShare, Framing};
pub use options::{Options, UsagePolicy};
pub use schedule::NoTime;
pub use serve::{Listening, StartError};
pub use server::Server;
pub use truth::{Counts, Deed, Ended, Endpoint, Spread, Tokens, Truth};
