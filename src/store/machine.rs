//! The machines that were measured.

use rusqlite::{Connection, params};

/// Puts down what the rows of `benchmark_results` say of a machine; where there are none any more, it
/// goes.
pub(super) fn refresh(database: &Connection, machine: &str) -> rusqlite::Result<()> {
    database.prepare_cached("DELETE FROM machines WHERE machine = ?1")?.execute([machine])?;
    let mut insert = database.prepare_cached(
        "INSERT INTO machines
             (machine, gpu_name, gpu_count, gpu_vram_bytes, hardware_info, first_us, last_us)
         SELECT machine, gpu_name, gpu_count, gpu_vram_bytes, hardware_info,
                (SELECT min(started_us) FROM benchmark_results
                 WHERE machine = ?1 AND provenance = 'measured'),
                started_us
         FROM benchmark_results WHERE machine = ?1 AND provenance = 'measured'
         ORDER BY started_us DESC, test_id DESC LIMIT 1",
    )?;
    insert.execute(params![machine]).map(drop)
}
