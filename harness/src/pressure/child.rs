//! The process that holds pressure, from its first instruction to its end.

use super::order::Order;
use super::{MARKER, OUTLIVED, READY};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Memory is taken in pieces of this size, so that an end of ours in between is noticed soon.
const PIECE: usize = 16 << 20;
/// One byte in each of these is touched; no platform has smaller pages.
const PAGE: usize = 4096;
/// How often the memory is touched again, so that it is not swapped out for being idle.
const TOUCH: Duration = Duration::from_secs(1);

/// Holds pressure to the end of this process, if that is what it was started for. Whatever may
/// start pressure calls this first in its `main`.
#[must_use]
pub fn play_if_asked() -> Option<ExitCode> {
    let order = std::env::var(MARKER).ok()?;
    Some(match order.parse() {
        Ok(order) => hold(&order),
        Err(why) => {
            drop(writeln!(io::stderr(), "error: {MARKER}: {why}"));
            ExitCode::from(2)
        }
    })
}

fn hold(order: &Order) -> ExitCode {
    let began = Instant::now();
    be_the_first_to_be_killed();
    end_with_the_input();
    let mut memory = Vec::new();
    if take(&mut memory, order.burden.memory_bytes).is_none() {
        drop(writeln!(io::stderr(), "error: {MARKER}: no memory"));
        return ExitCode::FAILURE;
    }
    (0..order.burden.cpu_workers).for_each(|_| drop(std::thread::spawn(spin)));
    if say_ready().is_err() {
        // Nobody is there to hear it.
        return ExitCode::FAILURE;
    }
    while let Some(left) = order.lifetime.checked_sub(began.elapsed()) {
        std::thread::sleep(left.min(TOUCH));
        memory.iter_mut().for_each(|piece| touch(piece));
    }
    ExitCode::from(OUTLIVED)
}

/// When memory runs out, the kernel ends whoever has the highest score: us, and not the target.
fn be_the_first_to_be_killed() {
    // Where there is no such file, there is no such score.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// The other end of our input belongs to who started us alone: it ends when they do.
fn end_with_the_input() {
    std::thread::spawn(|| {
        let ended = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        std::process::exit(i32::from(ended.is_err()));
    });
}

/// Takes and touches `bytes`; `None` where the system refuses. One that only promises memory ends
/// us when it cannot keep the promise.
fn take(memory: &mut Vec<Vec<u8>>, bytes: u64) -> Option<()> {
    let mut left = usize::try_from(bytes).ok()?;
    while left > 0 {
        let size = left.min(PIECE);
        let mut piece = Vec::new();
        piece.try_reserve_exact(size).ok()?;
        piece.resize(size, 0);
        touch(&mut piece);
        memory.push(piece);
        left -= size;
    }
    Some(())
}

/// Writes a little into each page: pages that are alike may be merged into one.
fn touch(piece: &mut [u8]) {
    for (number, page) in piece.chunks_mut(PAGE).enumerate() {
        page[0] = page[0].wrapping_add(number as u8 | 1);
    }
    black_box(piece);
}

/// Computes for ever; the process's end is its end.
fn spin() {
    let mut number = 1u64;
    loop {
        number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

fn say_ready() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{READY}")?;
    out.flush()
}
