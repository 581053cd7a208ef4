//! What several tests need.

use std::process::Output;

pub(crate) mod calls;
pub(crate) mod choices;
pub(crate) mod depot;
pub(crate) mod github;
pub(crate) mod lab;
pub(crate) mod raw;
pub(crate) mod replay;
pub(crate) mod repository;
pub(crate) mod served;
pub(crate) mod targets;
#[cfg(target_os = "linux")]
pub(crate) mod terminal;

/// Whether all that is wrong with a run is that the host disturbed it.
pub(crate) fn is_disturbed(output: &Output) -> bool {
    String::from_utf8_lossy(&output.stderr).contains("invalid through the noise of the host alone")
}

/// A run that the host did not disturb: measuring in real time may take more than one attempt.
pub(crate) fn undisturbed(mut run: impl FnMut() -> Output) -> Output {
    const ATTEMPTS: usize = 5;
    let mut output = run();
    for _ in 1..ATTEMPTS {
        if !is_disturbed(&output) {
            break;
        }
        output = run();
    }
    output
}

/// Raw lines as somebody writes them by hand: without their checksums, which no longer fit what is
/// changed.
pub(crate) fn without_checksums(lines: &str) -> String {
    let bare = |line: &str| match line.rsplit_once(",\"crc32\":") {
        Some((before, _)) => format!("{before}}}\n"),
        None => format!("{line}\n"),
    };
    lines.lines().map(bare).collect()
}
