//! A run as it goes on, for whoever wants to look on from another process: a snapshot a second in
//! `results/live/<run_id>.json`, replaced whole, and a lock beside it for as long as its process lives.
//!
//! Whoever looks on costs the run nothing: snapshots are made by a thread of their own, of records that
//! have left the load and are being kept; a file that cannot be written is not written; nobody is waited
//! for. What is seen here decides nothing, and nothing of it is kept: the store has what was measured.

mod feed;
mod goals;
mod place;
mod progress;
mod recent;
mod relay;
mod snapshot;
mod thin;

pub use feed::{About, Feed};
pub use place::{LookError, list, look};
pub use snapshot::{
    Cases, Ended, Finished, Now, Percentiles, Point, Raised, Recent, Requests, SCHEMA_VERSION,
    Snapshot, Spike, Stage, Standing, State, Telemetry,
};
