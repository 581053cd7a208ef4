//! tokgate: a benchmark harness and CI regression gate for language-model inference and vector
//! retrieval. This package is the edges: the command line, the store, reports, git.
//!
//! A crate that uses it as a library has a bench target of three lines, and may bring functions and
//! drivers of its own: [`main!`], [`cli::bench::Main`] and [`driver`]. One that asks what was measured finds
//! rows by [`store::FileStore::measured`] and answers in [`choice`], and measures one prompt by
//! [`prompt::measure`].

pub mod again;
pub mod baselines;
pub mod choice;
pub mod cli;
pub mod config;
pub mod datasets;
pub mod decided;
pub mod driver;
pub mod earlier;
pub mod figure;
pub mod gating;
pub mod git;
pub mod github;
mod hex;
pub mod history;
pub mod imports;
pub mod live;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod merge;
pub mod mock;
pub mod notify;
pub mod paired;
pub mod part;
pub mod pipeline;
pub mod plot;
pub mod project;
pub mod prompt;
pub mod push;
pub mod report;
pub mod rows;
pub mod server;
pub mod servers;
pub mod session;
pub mod spool;
pub mod store;

/// The whole of a bench target: `fn main` for the package that it is written in.
///
/// With names and functions it brings these as drivers: a request is one call.
///
/// ```no_run
/// tokgate::main! {
///     "word_count" => |prompt: &str| Ok::<_, String>(prompt.split(' ').count().to_string()),
/// }
/// ```
#[macro_export]
macro_rules! main {
    ($($name:literal => $function:expr),* $(,)?) => {
        fn main() -> ::std::process::ExitCode {
            $crate::cli::bench::Main::new(env!("CARGO_MANIFEST_DIR"))
                $(.function($name, $function))*
                .run()
        }
    };
}

/// The examples of the page about the library, run by the tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/LIBRARY.md")]
struct LibraryPage;
