//! What a process that holds pressure is told, as text in its environment:
//! `memory=BYTES,cpu=N,lifetime=SECONDS`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use tokgate_core::pressure::Burden;

/// What to hold, and for how long at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) burden: Burden,
    pub(super) lifetime: Duration,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Burden { memory_bytes, cpu_workers } = self.burden;
        // Rounded up: it must not end before what it is for.
        let lifetime = self.lifetime.as_secs().saturating_add(1);
        write!(f, "memory={memory_bytes},cpu={cpu_workers},lifetime={lifetime}")
    }
}

impl FromStr for Order {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |key: &str| -> Result<u64, String> {
            let values = text.split(',').filter_map(|part| part.split_once('='));
            let value = values.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value);
            let value = value.ok_or_else(|| format!("no `{key}=` in `{text}`"))?;
            value.parse().map_err(|_| format!("`{value}` is no number of {key}"))
        };
        let cpu = number("cpu")?;
        Ok(Self {
            burden: Burden {
                memory_bytes: number("memory")?,
                cpu_workers: u32::try_from(cpu).map_err(|_| format!("{cpu} workers"))?,
            },
            lifetime: Duration::from_secs(number("lifetime")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_understood_as_it_was_written() {
        let burden = Burden { memory_bytes: 5 << 30, cpu_workers: 3 };
        let order = Order { burden, lifetime: Duration::from_millis(1_500) };
        let understood: Order = order.to_string().parse().unwrap();
        assert_eq!(understood, Order { burden, lifetime: Duration::from_secs(2) });
    }

    #[test]
    fn an_order_that_is_not_whole_is_refused() {
        for wrong in
            ["", "memory=1,cpu=1", "memory=x,cpu=1,lifetime=1", "memory=1,cpu=-1,lifetime=1"]
        {
            assert!(wrong.parse::<Order>().is_err(), "{wrong}");
        }
    }
}
