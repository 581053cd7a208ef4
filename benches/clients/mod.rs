//! A server that costs nothing to wait for, and three clients that read it: ours with everything
//! parsed and recorded, and two bare ones that only drain what comes.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::channel;
use tokgate_core::scenario::{Facts, Scenario, Surroundings, plan};
use tokgate_harness::measure::{Epoch, Harness};
use tokgate_harness::part::Part;
use tokgate_harness::stop::Stop;
use tokio::runtime::Runtime;

/// What is asked, by whom, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Where.
    pub(crate) server: SocketAddr,
    /// Streams at once.
    pub(crate) streams: usize,
    /// Requests in all.
    pub(crate) requests: usize,
    /// Tokens of each answer.
    pub(crate) tokens: usize,
}

/// Starts a server on a thread that answers each POST with an answer of so many events at once, each
/// in an HTTP chunk of its own, as model servers do. It ends with the process.
pub(crate) fn null_server(events: usize) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let reply: Arc<[u8]> = stream(events).into();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let reply = Arc::clone(&reply);
            // Whoever leaves is not answered.
            std::thread::spawn(move || drop(serve(socket, &reply)));
        }
    });
    Ok(address)
}

fn serve(mut socket: TcpStream, reply: &[u8]) -> io::Result<()> {
    const MODELS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
        content-length: 24\r\n\r\n{\"data\":[{\"id\":\"null\"}]}";
    socket.set_nodelay(true)?;
    let (mut asked, mut buffer) = (Vec::new(), [0; 16 << 10]);
    loop {
        match end_of_request(&asked) {
            Some(end) => {
                socket.write_all(if asked.starts_with(b"GET") { MODELS } else { reply })?;
                asked.drain(..end);
            }
            None => match socket.read(&mut buffer)? {
                0 => return Ok(()),
                read => asked.extend_from_slice(&buffer[..read]),
            },
        }
    }
}

/// Where a request ends that has come whole.
fn end_of_request(asked: &[u8]) -> Option<usize> {
    let end = asked.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&asked[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let body: usize = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    (asked.len() >= end + body).then_some(end + body)
}

/// A reply of so many content events as vLLM writes them.
fn stream(events: usize) -> Vec<u8> {
    const EVENT: &str = concat!(
        r#"data: {"id":"chatcmpl-854e31f4a212d67b","object":"chat.completion.chunk","#,
        r#""created":1795313326,"model":"m","choices":[{"index":0,"delta":{"content":" word"},"#,
        r#""logprobs":null,"finish_reason":null,"token_ids":null}]}"#,
        "\n\n"
    );
    const DONE: &str = "data: [DONE]\n\n";
    let chunk = |frame: &str| format!("{:x}\r\n{frame}\r\n", frame.len());
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
        transfer-encoding: chunked\r\n\r\n";
    [head, &chunk(EVENT).repeat(events), &chunk(DONE), "0\r\n\r\n"].concat().into_bytes()
}

/// Our driver by its public ways: opened once, a load measured as often as wished.
pub(crate) struct Ours {
    harness: Harness,
    case: tokgate_core::case::Case,
    driver: Arc<dyn tokgate_harness::driver::Driver>,
    stop: Stop,
}

impl Ours {
    pub(crate) fn open(load: Load) -> Self {
        let Load { server, streams, requests, tokens } = load;
        let text = format!(
            "schema = 1\n\
             [target]\ndriver = \"openai\"\nbase_url = \"http://{server}/v1\"\n\
             [dataset]\nprompt_tokens = 32\noutput_tokens = {tokens}\n\
             [[case]]\nname = \"cost\"\nkind = \"generation\"\ntarget = {{ endpoint = \"chat\" }}\n\
             workload = {{ concurrency = {streams}, requests = {requests}, warmup = 0 }}\n"
        );
        let known = Surroundings::closed(&|_| None);
        let scenario = Scenario::parse("cost", "cost.toml", &text, &known).expect("well-formed");
        let case = plan(&scenario, &Facts::default()).expect("it can be planned").remove(0);
        let mut harness = Harness::new().expect("an event queue");
        let stop = Stop::default();
        let driver = harness.open(&case, &stop).expect("the server answers");
        Self { harness, case, driver, stop }
    }

    /// Measures the load; how many events with content were recorded.
    pub(crate) fn measure(&self) -> usize {
        let (sink, records) = channel();
        let (case, driver) = (&self.case, &*self.driver);
        let epoch =
            Epoch { case, driver, salt: "cost", number: 0, part: Part::WHOLE, stop: &self.stop };
        let measured = self.harness.measure(&epoch, Vec::new(), &sink);
        drop((sink, measured));
        let content = |record: tokgate_core::record::Record| {
            record.events.iter().filter(|event| event.kind.is_content()).count()
        };
        records.into_iter().map(content).sum()
    }
}

/// A bare client's runtime, as ours has it.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an event queue")
}

fn body(tokens: usize) -> String {
    let prompt = "word ".repeat(32);
    format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"{prompt}"}}],"max_tokens":{tokens},"stream":true}}"#
    )
}

/// Drains all replies with hyper, a connection for each stream; how many bytes there were.
pub(crate) fn hyper(runtime: &Runtime, load: Load) -> usize {
    at_once(runtime, load.streams, move || hyper_stream(load))
}

async fn hyper_stream(load: Load) -> usize {
    let socket = tokio::net::TcpStream::connect(load.server).await.expect("it listens");
    socket.set_nodelay(true).expect("a TCP socket has the option");
    let (mut sender, connection) = handshake(TokioIo::new(socket)).await.expect("nothing is said");
    tokio::spawn(async { drop(connection.await) });
    let mut bytes = 0;
    for _ in 0..load.requests / load.streams {
        sender.ready().await.expect("the connection is kept");
        bytes += hyper_reply(&mut sender, load).await;
    }
    bytes
}

async fn hyper_reply(sender: &mut SendRequest<Full<Bytes>>, load: Load) -> usize {
    let post = Request::post("/v1/chat/completions")
        .header("host", load.server.to_string())
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body(load.tokens))))
        .expect("it is well-formed");
    let mut reply = sender.send_request(post).await.expect("it is answered").into_body();
    let mut bytes = 0;
    while let Some(frame) = reply.frame().await {
        bytes += frame.expect("it is whole").data_ref().map_or(0, Bytes::len);
    }
    bytes
}

/// Drains all replies with reqwest; how many bytes there were.
pub(crate) fn reqwest(runtime: &Runtime, load: Load) -> usize {
    let builder = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
    let client = builder.tls_backend_preconfigured(no_tls()).build().expect("the settings fit");
    at_once(runtime, load.streams, move || reqwest_stream(client.clone(), load))
}

async fn reqwest_stream(client: reqwest::Client, load: Load) -> usize {
    let url = format!("http://{}/v1/chat/completions", load.server);
    let mut bytes = 0;
    for _ in 0..load.requests / load.streams {
        let post = client.post(&url).header("content-type", "application/json");
        let mut reply = post.body(body(load.tokens)).send().await.expect("it is answered");
        while let Some(chunk) = reply.chunk().await.expect("it is whole") {
            bytes += chunk.len();
        }
    }
    bytes
}

/// TLS settings that trust nobody: certificates that nobody looks at take time to load.
fn no_tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the usual ones")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// Runs so many streams at once and adds up what each brought.
fn at_once<F>(runtime: &Runtime, streams: usize, stream: impl Fn() -> F) -> usize
where
    F: Future<Output = usize> + Send + 'static,
{
    runtime.block_on(async {
        let running: Vec<_> = (0..streams).map(|_| tokio::spawn(stream())).collect();
        let mut sum = 0;
        for stream in running {
            sum += stream.await.expect("it does not panic");
        }
        sum
    })
}
