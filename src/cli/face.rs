//! What every sub-command needs to speak: data on stdout, prose on stderr, colour or none.
//!
//! The only place that prints. A reader that went away (`| head`) ends nothing.

use crate::report::terminal::Style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;
use tokgate_core::diagnostic::line;
use tokgate_core::goal::Level;

/// Why stdout lost a line, once it did: there is one stdout, however many faces.
static LOST: OnceLock<String> = OnceLock::new();

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal that can.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A way to speak to the person or program that called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Face {
    /// Colour of what goes to stdout.
    pub(super) out: Style,
    /// Colour of what goes to stderr.
    pub(super) err: Style,
    bars: bool,
}

impl Face {
    /// A face for this process's streams.
    #[must_use]
    pub(super) fn new(choice: ColorChoice) -> Self {
        let out = std::io::stdout().is_terminal();
        let err = std::io::stderr().is_terminal();
        let style = |terminal| Style { color: colors(choice, terminal) };
        Self { out: style(out), err: style(err), bars: err }
    }

    /// Whether bars can be drawn.
    #[must_use]
    pub(super) fn has_bars(&self) -> bool {
        self.bars
    }

    /// A line of data, on stdout.
    pub(super) fn say(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        match writeln!(out, "{text}").and_then(|()| out.flush()) {
            Ok(()) => {}
            // A closed pipe is the reader's way of saying "enough".
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            // What was measured is kept anyway, and the exit code says that this was not.
            Err(error) => drop(LOST.set(error.to_string())),
        }
    }

    /// Why a line did not reach stdout, if one did not although somebody was reading.
    #[must_use]
    pub(super) fn lost(&self) -> Option<&'static str> {
        LOST.get().map(String::as_str)
    }

    /// A line for people, on stderr.
    pub(super) fn tell(&self, text: &str) {
        drop(writeln!(std::io::stderr().lock(), "{}", repeated(text, std::env::args_os())));
    }

    /// A progress bar for `total` requests on stderr; invisible when that is no terminal.
    #[must_use]
    pub(super) fn bar(&self, name: &str, total: Option<u64>) -> ProgressBar {
        let target = match self.bars {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let style = ProgressStyle::with_template(match total {
            Some(_) => "{prefix} {bar:30} {pos}/{len}  {per_sec}  {eta} left {msg}",
            None => "{prefix} {spinner} {pos}  {per_sec}  {elapsed} {msg}",
        })
        .expect("the template is a constant and well-formed");
        ProgressBar::with_draw_target(total, target).with_style(style).with_prefix(name.to_owned())
    }

    /// A mark for a level.
    #[must_use]
    pub(super) fn mark(&self, level: Level) -> String {
        match level {
            Level::Green => self.out.level(level, "✓"),
            Level::Yellow => self.out.level(level, "!"),
            Level::Red => self.out.level(level, "✗"),
        }
    }
}

/// A text that may repeat what the caller wrote, in which that stands on one line and hides nothing: a
/// terminal obeys some characters, and a log takes a line that begins with `::` as a command.
fn repeated(text: &str, written: impl Iterator<Item = OsString>) -> String {
    written.fold(text.to_owned(), |text, word| {
        let word = word.to_string_lossy();
        let value = word.split_once('=').map_or("", |(_, value)| value);
        [&word, value].into_iter().fold(text, |text, word| match line(word) {
            plain if plain == word => text,
            plain => text.replace(word, &plain),
        })
    })
}

/// `NO_COLOR` (no-color.org) and `TERM=dumb` switch off, `CLICOLOR_FORCE` and `FORCE_COLOR` on.
fn colors(choice: ColorChoice, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE") || set("FORCE_COLOR") => true,
        ColorChoice::Auto => terminal && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_wrote_is_repeated_on_one_line_without_what_a_terminal_obeys() {
        let written = ["run", "a\n::error::b\u{1b}[31m", "--out=c\td"].map(OsString::from);
        let told = repeated("no run `a\n::error::b\u{1b}[31m`,\nand not c\td", written.into_iter());
        assert_eq!(told, "no run `a ::error::b\\u{1b}[31m`,\nand not c d");
    }
}
