//! Pressure on the host beside the load: memory that somebody else holds, cores that somebody else
//! wants. What is asked for, and what that comes to on a host; who holds it is the harness's
//! business.

use serde::{Deserialize, Serialize};

/// The largest part of the available memory that may be taken: with less than a tenth left, the
/// kernel begins to end processes, and it may choose the target.
const MOST_OF_AVAILABLE: f64 = 0.9;

/// Workers for each core: beyond a few, more of them change nothing but the scheduler's queue.
const MOST_WORKERS_PER_CORE: u32 = 4;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    /// Memory to hold, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Memory to hold, as a share of what is available when it starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_share: Option<f64>,
    /// Threads that compute without end.
    #[serde(default)]
    pub cpu_workers: u32,
}

/// What a host has to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Memory that can be had without taking it from anybody, bytes.
    pub available_bytes: u64,
    /// Cores.
    pub cores: u32,
}

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burden {
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// Threads.
    pub cpu_workers: u32,
}

/// Why what is asked for is not done to a host.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TooMuch {
    /// Two answers to one question.
    #[error("memory pressure is given in bytes and as a share; give one of them")]
    Both,
    /// Not a share of anything.
    #[error("{0} is no share of the available memory: between 0 and {MOST_OF_AVAILABLE}")]
    Share(f64),
    /// More memory than may be taken.
    #[error(
        "{asked} bytes of memory pressure are too much: {available} bytes are available, and at \
         most {} % of them may be taken", MOST_OF_AVAILABLE * 100.0
    )]
    Memory {
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes that are available.
        available: u64,
    },
    /// More threads than make sense.
    #[error(
        "{asked} workers of CPU pressure are too many for {cores} cores: at most \
         {MOST_WORKERS_PER_CORE} a core"
    )]
    Workers {
        /// Workers that were asked for.
        asked: u32,
        /// Cores of the host.
        cores: u32,
    },
}

impl Pressure {
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_none(&self) -> bool {
        let Self { memory_bytes, memory_share, cpu_workers } = self;
        memory_bytes.is_none() && memory_share.is_none() && *cpu_workers == 0
    }

    /// What it comes to on a host with this room.
    ///
    /// # Errors
    /// When it is more than a host should be made to bear.
    pub fn on(&self, room: Room) -> Result<Burden, TooMuch> {
        let memory_bytes = self.memory_on(room.available_bytes)?;
        let (asked, cores) = (self.cpu_workers, room.cores);
        match asked > cores.saturating_mul(MOST_WORKERS_PER_CORE) {
            true => Err(TooMuch::Workers { asked, cores }),
            false => Ok(Burden { memory_bytes, cpu_workers: asked }),
        }
    }

    fn memory_on(&self, available: u64) -> Result<u64, TooMuch> {
        let most = (available as f64 * MOST_OF_AVAILABLE) as u64;
        match (self.memory_bytes, self.memory_share) {
            (Some(_), Some(_)) => Err(TooMuch::Both),
            (None, None) => Ok(0),
            (Some(asked), None) if asked > most => Err(TooMuch::Memory { asked, available }),
            (Some(asked), None) => Ok(asked),
            (None, Some(share)) if (0.0..=MOST_OF_AVAILABLE).contains(&share) => {
                Ok((available as f64 * share) as u64)
            }
            (None, Some(share)) => Err(TooMuch::Share(share)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room { available_bytes: 1_000, cores: 2 };

    fn memory(memory_bytes: Option<u64>, memory_share: Option<f64>) -> Result<u64, TooMuch> {
        let pressure = Pressure { memory_bytes, memory_share, cpu_workers: 0 };
        pressure.on(ROOM).map(|burden| burden.memory_bytes)
    }

    #[test]
    fn a_tenth_of_the_available_memory_is_always_left() {
        assert_eq!(memory(Some(900), None), Ok(900));
        assert_eq!(memory(Some(901), None), Err(TooMuch::Memory { asked: 901, available: 1_000 }));
        assert_eq!(memory(None, Some(0.9)), Ok(900));
        for share in [0.91, -0.1, f64::NAN] {
            assert!(matches!(memory(None, Some(share)), Err(TooMuch::Share(_))), "{share}");
        }
        assert_eq!(memory(Some(1), Some(0.1)), Err(TooMuch::Both));
    }

    #[test]
    fn workers_are_bounded_by_the_cores() {
        let workers = |cpu_workers| Pressure { cpu_workers, ..Pressure::default() }.on(ROOM);
        assert_eq!(workers(8), Ok(Burden { memory_bytes: 0, cpu_workers: 8 }));
        assert_eq!(workers(9), Err(TooMuch::Workers { asked: 9, cores: 2 }));
    }

    #[test]
    fn what_is_not_asked_for_is_not_there() {
        assert!(Pressure::default().is_none());
        assert!(!Pressure { memory_share: Some(0.1), ..Pressure::default() }.is_none());
        assert_eq!(serde_json::to_string(&Pressure::default()).unwrap(), r#"{"cpu_workers":0}"#);
    }
}
