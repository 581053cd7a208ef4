//! The machines that were measured.

use crate::store::cell::text;
use crate::store::sql::Sql;

/// Puts down what the rows of `benchmark_results` say of a machine; where there are none any more, it
/// goes.
pub(super) fn refresh(database: &Sql<'_>, machine: &str) -> rusqlite::Result<()> {
    let machine = [text(machine)];
    database.execute("DELETE FROM machines WHERE machine = ?1", &machine)?;
    let insert = "INSERT INTO machines
             (machine, gpu_name, gpu_count, gpu_vram_bytes, hardware_info, first_us, last_us)
         SELECT machine, gpu_name, gpu_count, gpu_vram_bytes, hardware_info,
                (SELECT min(started_us) FROM benchmark_results
                 WHERE machine = ?1 AND provenance = 'measured'),
                started_us
         FROM benchmark_results WHERE machine = ?1 AND provenance = 'measured'
         ORDER BY started_us DESC, test_id DESC LIMIT 1";
    database.execute(insert, &machine).map(drop)
}
