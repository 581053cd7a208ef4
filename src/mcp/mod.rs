//! The questions as tools of the Model Context Protocol, on standard input and output.
//!
//! The protocol is the crate `rmcp`'s; what is asked and answered lives here. Nothing is measured and
//! nothing is judged. What a client asks wrongly, and what cannot be answered, is an answer that says so:
//! a model reads it and asks again. Only a tool that there is not is an error of the protocol.

mod field;
mod lines;
mod place;
mod tool;

pub use place::Place;

use anyhow::{Context, Result, anyhow, bail};
use field::{Arguments, Object, schema};
use lines::Bounded;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    Tool as Described, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer, ServerInitializeError};
use rmcp::{ServerHandler, ServiceExt};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::Stdin;
use tool::{Answer, Tool};

/// Longest time that a tool may take: a history of ten thousand epochs takes seconds.
const DEADLINE: Duration = Duration::from_secs(60);
/// What a client is told of all tools together.
const INSTRUCTIONS: &str = "\
Answers from what tokgate measured on this machine and imported from elsewhere; nothing here measures or \
changes anything. `list` says which models there are, `estimate` how long requests take and what they cost, \
`compare` puts models or configurations side by side, `recommend` says what to take and why, `history` where a \
metric changed. Times are in seconds, prices in US dollars. Figures of a single run, stale ones (30 days) and \
imported ones are less reliable, and are marked.";

/// Answers a client until it closes standard input. Standard output carries the protocol alone.
///
/// # Errors
/// When the runtime cannot start, or the client speaks another protocol.
pub fn serve(place: Place) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the server's runtime")?;
    let result = runtime.block_on(speak(Handler { place: Arc::new(place) }));
    // A thread that still waits for standard input would hold the process.
    runtime.shutdown_background();
    result
}

async fn speak(handler: Handler) -> Result<()> {
    let input = Bounded::new(tokio::io::stdin());
    let broke = input.broke();
    let result = talk(handler, input).await;
    if broke.load(Ordering::Relaxed) {
        bail!(
            "a line of more than 1 MiB is no message of the Model Context Protocol: nothing more was read"
        );
    }
    result
}

async fn talk(handler: Handler, input: Bounded<Stdin>) -> Result<()> {
    let transport = (input, tokio::io::stdout());
    let running = match handler.serve(transport).await {
        Ok(running) => running,
        // Whoever closes before the first word wanted nothing.
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => {
            return Err(anyhow!(
                "the client does not speak the Model Context Protocol: {error}; see docs/AGENTS.md"
            ));
        }
    };
    running.waiting().await.context("the server was cut off")?;
    Ok(())
}

/// What answers requests of the protocol.
struct Handler {
    place: Arc<Place>,
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let who = Implementation::new("tokgate", env!("CARGO_PKG_VERSION"));
        ServerConfig::new(capabilities).with_instructions(INSTRUCTIONS).with_server_info(who)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(Tool::ALL.map(described).to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let tool = Tool::called(&request.name).ok_or_else(|| unknown(&request.name))?;
        let answer = ask(tool, request.arguments, Arc::clone(&self.place)).await;
        Ok(CallToolResponse::Complete(told(answer)))
    }
}

/// A tool as a client sees it.
fn described(tool: Tool) -> Described {
    let closed = ToolAnnotations::new().read_only(true).idempotent(true).open_world(false);
    Described::new(tool.name(), tool.description(), Arc::new(schema(&tool.fields())))
        .annotate(closed)
}

fn unknown(name: &str) -> ErrorData {
    let name: String = name.chars().take(60).collect();
    let names = Tool::ALL.map(Tool::name).join(", ");
    ErrorData::invalid_params(format!("there is no tool `{name}`; there are {names}"), None)
}

/// Asks on a thread of its own, so that the client can ask something else meanwhile.
async fn ask(tool: Tool, given: Option<Object>, place: Arc<Place>) -> Result<Answer> {
    let arguments = Arguments::check(&tool.fields(), given).map_err(|error| anyhow!(error))?;
    let asking = tokio::task::spawn_blocking(move || tool.answer(&arguments, &place));
    match tokio::time::timeout(DEADLINE, asking).await {
        Ok(answer) => answer.context("the question was cut off: ask again")?,
        Err(_) => Err(anyhow!(
            "{} took longer than {} s: ask for less, by since_days, machine or case",
            tool.name(),
            DEADLINE.as_secs()
        )),
    }
}

fn told(answer: Result<Answer>) -> CallToolResult {
    match answer {
        Ok(Answer { text, structured }) => {
            let mut result = CallToolResult::structured(structured);
            result.content = vec![ContentBlock::text(text)];
            result
        }
        Err(error) => CallToolResult::error(vec![ContentBlock::text(format!("{error:#}"))]),
    }
}
