//! The head of a request: as much of HTTP/1.1 as a client of a language model needs.

/// Longest head.
pub(super) const HEAD_BYTES: usize = 64 << 10;
/// Longest body: a prompt of a million words stays below it.
pub(super) const BODY_BYTES: usize = 16 << 20;
/// Most header lines.
const LINES: usize = 100;

/// A request that is answered with a status only, and the connection's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable {
    pub(super) code: u16,
    pub(super) why: &'static str,
}

/// What a head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    /// Bytes of the head itself.
    pub(super) size: usize,
    /// Bytes of the body.
    pub(super) body: usize,
    /// Whether the client goes on with this connection.
    pub(super) keep_alive: bool,
    /// Whether the client waits for a word before it sends the body.
    pub(super) waits: bool,
}

impl Head {
    /// The head at the start of `bytes`; `None` while it is not whole.
    ///
    /// # Errors
    /// When it is none, or has what is not served here.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Unreadable> {
        let mut lines = [httparse::EMPTY_HEADER; LINES];
        let mut request = httparse::Request::new(&mut lines);
        let size = match request.parse(bytes) {
            Ok(httparse::Status::Complete(size)) if size <= HEAD_BYTES => size,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => {
                return Err(Unreadable { code: 431, why: "the head is too large" });
            }
            Err(_) => return Err(Unreadable { code: 400, why: "the head is not HTTP/1.1" }),
        };
        let (path, query) = request.path.map(split).unwrap_or_default();
        let method = request.method.unwrap_or_default().to_owned();
        let is_old = request.version == Some(0);
        let head = Self { method, path, query, size, body: 0, keep_alive: !is_old, waits: false };
        request.headers.iter().try_fold(head, Self::with).map(Some)
    }

    fn with(mut self, line: &httparse::Header<'_>) -> Result<Self, Unreadable> {
        let value = std::str::from_utf8(line.value).unwrap_or_default().trim();
        if line.name.eq_ignore_ascii_case("content-length") {
            self.body = length(value)?;
        } else if line.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Unreadable { code: 411, why: "send the body with a content-length" });
        } else if line.name.eq_ignore_ascii_case("connection") {
            self.keep_alive &= !value.eq_ignore_ascii_case("close");
        } else if line.name.eq_ignore_ascii_case("expect") {
            self.waits = value.eq_ignore_ascii_case("100-continue");
        }
        Ok(self)
    }
}

fn length(value: &str) -> Result<usize, Unreadable> {
    let bad = Unreadable { code: 400, why: "the content-length is no number" };
    let length = value.parse().map_err(|_| bad)?;
    match length <= BODY_BYTES {
        true => Ok(length),
        false => Err(Unreadable { code: 413, why: "the body is longer than 16 MiB" }),
    }
}

fn split(target: &str) -> (String, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (path.to_owned(), query.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let text = b"POST /truth?requests=true HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(Head::parse(&text[..20]), Ok(None));
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!((head.path.as_str(), head.query.as_str()), ("/truth", "requests=true"));
        assert_eq!((head.size, head.body, head.keep_alive), (text.len() - 3, 3, true));
    }

    #[test]
    fn what_is_not_served_has_its_status() {
        let code = |text: &str| Head::parse(text.as_bytes()).unwrap_err().code;
        assert_eq!(code("\x16\x03\x01"), 400);
        assert_eq!(code("POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"), 400);
        assert_eq!(code("POST / HTTP/1.1\r\ncontent-length: 16777217\r\n\r\n"), 413);
        assert_eq!(code("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"), 411);
        let long = format!("GET / HTTP/1.1\r\na: {}", "b".repeat(HEAD_BYTES));
        assert_eq!(code(&long), 431);
    }
}
