//! One worker's part of a load that several processes send together.
//!
//! Every worker derives the same from the same command line: which requests are its own and when each epoch
//! begins ([`Sharing`]), and what the run is called ([`run_id`]). Nobody coordinates them. What a worker
//! measures lies in a folder of its own ([`PartStore`]) until its end; then it is put where all put theirs.
//!
//! What does not live here, on purpose: the rows themselves (`src/rows`), and what all workers say together,
//! which `tokgate merge` finds. Nothing of a part is judged, compared or indexed.

mod clock;
mod kept;
mod name;
mod put;
mod sharing;
mod store;

pub use clock::{Looked, Skew};
pub use kept::{Kept, KeptEpoch, KeptError};
pub use name::{attempt, run_id};
pub use put::{PutError, Putting};
pub use sharing::{NotShared, Sharing, Slot};
pub use store::PartStore;
