//! The framings once more, the slow way over a whole stream: the second opinion that the tests and
//! the fuzz targets hold the decoders against.
//!
//! It knows no chunks and no limits, shares no code with the decoders, and is never part of a
//! measurement.

/// A server-sent event that outlives its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `event` field.
    pub name: String,
    /// The `data` fields, joined by LF.
    pub data: String,
    /// The last `id` field.
    pub id: String,
}

/// The events of a stream, as section 9.2.6 of the HTML standard words it: decode, take the
/// byte-order mark off, cut into lines, read line by line.
#[must_use]
pub fn events(stream: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(stream);
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let whole_lines = text.rsplit_once('\n').map_or("", |(lines, _unfinished)| lines);
    let (mut events, mut data) = (Vec::new(), String::new());
    let (mut name, mut id) = ("", "");
    for line in whole_lines.split('\n') {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                if let Some(data) = data.strip_suffix('\n') {
                    let (name, id) = (name.to_owned(), id.to_owned());
                    events.push(Event { name, data: data.to_owned(), id });
                }
                name = "";
                data.clear();
            }
            "data" => data.extend([value, "\n"]),
            "event" => name = value,
            "id" if !value.contains('\0') => id = value,
            _ => {}
        }
    }
    events
}

/// The lines of a stream of JSON lines, blank ones left out.
#[must_use]
pub fn lines(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream);
    text.split('\n').map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The stream in chunks of `sizes`, over and over; in one without any. A size of 0 counts as 1.
#[must_use]
pub fn chunks<'a>(mut stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut chunks = Vec::new();
    for &size in sizes.iter().cycle() {
        let Some((chunk, rest)) = stream.split_at_checked(size.max(1)) else { break };
        chunks.push(chunk);
        stream = rest;
    }
    chunks.push(stream);
    chunks
}
