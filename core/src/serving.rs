//! What servers say of themselves while they serve, in one set of names, whatever the server.
//!
//! They are the keys of `TelemetrySample::server`.

/// Requests that are being worked on.
pub const RUNNING: &str = "requests_running";
/// Requests that wait for room.
pub const WAITING: &str = "requests_waiting";
/// Share of the key-value cache in use, 0 to 1.
pub const CACHE_USE: &str = "cache_use";
/// Prompt tokens looked up in the prefix cache, since the server was started.
pub const PREFIX_QUERIES: &str = "prefix_queries";
/// Those of them that were there.
pub const PREFIX_HITS: &str = "prefix_hits";
/// Requests that were put back to make room, since the server was started.
pub const PREEMPTIONS: &str = "preemptions";
/// Prompt tokens processed since the server was started.
pub const PROMPT_TOKENS: &str = "prompt_tokens";
/// Output tokens generated since the server was started.
pub const OUTPUT_TOKENS: &str = "output_tokens";
