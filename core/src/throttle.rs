//! What NVML's reasons for a lower clock mean, by their bits (`nvml.h`).

/// Who slows a GPU down more than it should. A software power cap (0x4) is none: it is normal at full
/// load.
const SLOWED_BY: [(u64, &str); 4] = [
    (0x8, "the hardware"),
    (0x20, "the driver, for heat"),
    (0x40, "the hardware, for heat"),
    (0x80, "the power supply"),
];

/// Who slowed a GPU down, in words; empty where nobody did.
pub(crate) fn slowed_by(bits: u64) -> Vec<&'static str> {
    SLOWED_BY.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, by)| by).collect()
}
