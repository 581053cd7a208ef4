//! The answer itself, in pieces or whole, and the faults that break it on its way.

use super::answer::Portion;
use super::exchange::{Exchange, Next};
use super::fault::Fault;
use super::reply::{CHUNKED, LAST_CHUNK, Reply, chunk, content_type};
use super::voice::{ErrorShape, Piece};
use std::io;
use std::time::Instant;

/// Longer than the longest line that tokgate reads (8 MiB).
const HUGE_LINE: usize = 9 << 20;
/// What a lying length promises beyond what comes.
const PROMISED: usize = 64 << 20;
/// A piece of an answer that is cut in the middle of a string.
const CUT_JSON: &str = r#"{"choices":[{"index":0,"delta":{"content":" cut"#;
/// What an error in the middle of an answer says.
const WORDS: &str = "the mock was told to fail";

impl Exchange<'_> {
    /// Sends the answer in pieces, each when it is due.
    pub(super) async fn stream(&mut self, begun: Instant) -> io::Result<Next> {
        self.open().await?;
        let mut due = begun + self.schedule.first(self.question.prompt_tokens, &mut self.luck);
        for (number, portion) in (1..).zip(self.answer.portions().take(self.pieces())) {
            due = self.house.pace.until(due).await;
            self.say(&portion).await?;
            due += self.schedule.gap(number, &mut self.luck);
        }
        match self.fault.filter(|fault| fault.breaks()) {
            Some(fault) => self.break_stream(fault).await,
            None => self.end().await,
        }
    }

    /// How many pieces are sent: those before a fault are half of all, and at least one.
    fn pieces(&self) -> usize {
        let all = self.answer.portions().count();
        match self.fault.is_some_and(Fault::breaks) {
            true => (all / 2).max(1),
            false => all,
        }
    }

    /// The head, and what comes with it.
    async fn open(&mut self) -> io::Result<()> {
        let framing = match self.fault {
            Some(Fault::LyingLength) => format!("content-length: {PROMISED}\r\n"),
            _ => CHUNKED.to_owned(),
        };
        let reply = Reply::body(200, content_type(self.framing()), Vec::new());
        let mut bytes = reply.with("cache-control: no-cache\r\n").head(&framing);
        let mut opening = Vec::new();
        self.voice.opening(&mut opening);
        if !opening.is_empty() {
            bytes.extend_from_slice(&self.framed(&opening));
        }
        let at = self.connection.send(&bytes).await?;
        if !opening.is_empty() {
            self.stamps.event(at);
        }
        Ok(())
    }

    /// Frames as they go over the wire: a chunk, unless the reply says its length.
    fn frame(&self, frames: &[u8], out: &mut Vec<u8>) {
        match self.fault {
            Some(Fault::LyingLength) => out.extend_from_slice(frames),
            _ => chunk(frames, out),
        }
    }

    fn framed(&self, frames: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(frames.len() + 16);
        self.frame(frames, &mut bytes);
        bytes
    }

    /// A portion of each prompt's answer, in one write.
    async fn say(&mut self, portion: &Portion) -> io::Result<()> {
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        let mut tokens_so_far = self.stamps.tokens;
        for index in 0..self.question.prompts {
            tokens_so_far += u64::from(portion.count);
            let piece = Piece { index, portion, answer: &self.answer, tokens_so_far };
            self.voice.piece(&piece, &mut frames);
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.frame(&frames, &mut bytes);
        let at = self.connection.send(&bytes).await?;
        (self.frames, self.bytes) = (frames, bytes);
        for _ in 0..self.question.prompts {
            self.stamps.tokens(at, portion.count, portion.is_reasoning);
        }
        Ok(())
    }

    /// Everything after the last piece, in one write.
    async fn end(&mut self) -> io::Result<Next> {
        let mut frames = Vec::new();
        let is_announced = self.fault != Some(Fault::NoDone);
        self.voice.ending(&self.ending(self.to_first_tokens(), is_announced), &mut frames);
        if self.fault == Some(Fault::BytesAfterDone) {
            self.voice.frame(r#"{"choices":[],"late":true}"#, &mut frames);
        }
        let mut bytes = match frames.is_empty() {
            true => Vec::new(),
            false => self.framed(&frames),
        };
        bytes.extend_from_slice(LAST_CHUNK);
        self.connection.send(&bytes).await?;
        Ok(Next::Keep)
    }

    /// What a fault sends in the middle of a stream.
    async fn break_stream(&mut self, fault: Fault) -> io::Result<Next> {
        let mut frames = Vec::new();
        match fault {
            Fault::ErrorInStream | Fault::ErrorObject => {
                self.voice.frame(&self.voice.error(shape(fault), WORDS), &mut frames);
            }
            Fault::MalformedJson => self.voice.frame(CUT_JSON, &mut frames),
            Fault::HugeLine => return self.huge_line().await,
            Fault::BadChunk => {
                self.connection.send(b"not-a-size\r\ndata: {}\n\n\r\n").await?;
                return Ok(Next::Close);
            }
            other => return Ok(abrupt(other)),
        }
        let mut bytes = self.framed(&frames);
        bytes.extend_from_slice(LAST_CHUNK);
        self.connection.send(&bytes).await?;
        Ok(Next::Keep)
    }

    /// A client that keeps its limits leaves before the end of this line, as planned.
    async fn huge_line(&mut self) -> io::Result<Next> {
        let mut frame = Vec::new();
        self.voice.frame(&format!(r#"{{"padding":"{}"}}"#, "x".repeat(HUGE_LINE)), &mut frame);
        let _ = self.connection.send(&self.framed(&frame)).await;
        Ok(Next::Close)
    }

    /// Sends the whole answer once all of it would be there.
    pub(super) async fn whole(&mut self, begun: Instant) -> io::Result<Next> {
        let first = match self.embeds() {
            true => self.schedule.embed(&mut self.luck),
            false => self.schedule.first(self.question.prompt_tokens, &mut self.luck),
        };
        let mut due = begun + first;
        // Thousands of numbers take a moment to write, which is no part of the plan.
        let vectors = self.embeds().then(|| self.voice.whole(&self.ending(first, true)));
        for (number, _) in (1..).zip(self.answer.portions().skip(1)) {
            due += self.schedule.gap(number, &mut self.luck);
        }
        self.house.pace.until(due).await;
        let body = vectors.unwrap_or_else(|| self.voice.whole(&self.ending(first, true)));
        let reply = Reply::body(200, content_type(self.framing()), body);
        match self.fault.filter(|fault| fault.breaks()) {
            Some(fault) => self.break_whole(fault, reply).await,
            None => {
                let at = self.connection.send(&reply.bytes()).await?;
                let tokens = u64::from(self.answer.tokens) * u64::from(self.question.prompts);
                self.stamps.whole(at, tokens);
                Ok(Next::Keep)
            }
        }
    }

    /// What a fault makes of a whole answer.
    async fn break_whole(&mut self, fault: Fault, mut reply: Reply) -> io::Result<Next> {
        let length = reply.body.len();
        let mut cut = reply.clone();
        cut.body.truncate(length / 2);
        let (bytes, next) = match fault {
            Fault::ErrorInStream | Fault::ErrorObject => {
                reply.body = self.voice.error(shape(fault), WORDS).into_bytes();
                (reply.bytes(), Next::Keep)
            }
            Fault::MalformedJson => (cut.bytes(), Next::Keep),
            Fault::BadChunk => {
                let head = reply.head(CHUNKED);
                ([&head, &b"not-a-size\r\n"[..], &reply.body].concat(), Next::Close)
            }
            Fault::HugeLine => {
                let tokens = u64::from(self.answer.tokens) * u64::from(self.question.prompts);
                reply.body.resize(length + HUGE_LINE, b' ');
                let at = self.connection.send(&reply.bytes()).await?;
                self.stamps.whole(at, tokens);
                return Ok(Next::Keep);
            }
            other => (cut.promising(length), abrupt(other)),
        };
        self.connection.send(&bytes).await?;
        Ok(next)
    }
}

impl Fault {
    /// Whether an answer that has begun does not come to its end.
    fn breaks(self) -> bool {
        !matches!(self, Self::NoDone | Self::BytesAfterDone | Self::SlowBytes)
    }
}

/// How a connection ends on which nothing more is sent.
fn abrupt(fault: Fault) -> Next {
    match fault {
        Fault::Reset => Next::Reset,
        Fault::HangInStream => Next::Hang,
        _ => Next::Close,
    }
}

fn shape(fault: Fault) -> ErrorShape {
    match fault {
        Fault::ErrorObject => ErrorShape::Object,
        _ => ErrorShape::Own,
    }
}
