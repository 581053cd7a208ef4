//! Text in a picture: made harmless, measured, cut and broken into lines.

use tokgate_core::diagnostic::line;

/// Characters that are looked at, however long a text is.
const MOST_CHARS: usize = 400;
/// Advance widths of DejaVu Sans from the space to `~`, in 2048ths of the font's size.
const WIDTHS: [u16; 95] = [
    651, 821, 942, 1716, 1303, 1946, 1597, 563, 799, 799, 1024, 1716, 651, 739, 651, 690, 1303,
    1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 690, 690, 1716, 1716, 1716, 1087, 2048,
    1401, 1405, 1430, 1577, 1294, 1178, 1587, 1540, 604, 604, 1343, 1141, 1767, 1532, 1612, 1235,
    1612, 1423, 1300, 1251, 1499, 1401, 2025, 1403, 1251, 1403, 799, 690, 799, 1716, 1024, 1024,
    1255, 1300, 1126, 1300, 1260, 721, 1300, 1298, 569, 569, 1186, 569, 1995, 1298, 1253, 1300,
    1300, 842, 1067, 803, 1298, 1212, 1675, 1212, 1212, 1075, 1303, 690, 1303, 1716,
];
/// Of any other character: a whole em, which few are wider than.
const OTHER_WIDTH: u16 = 2048;
const EM: f64 = 2048.0;

/// A text on one line in which nothing hides, reorders, or is no character of XML; cut where it is very
/// long.
pub(super) fn harmless(text: &str) -> String {
    let mut taken: String = text.chars().take(MOST_CHARS).collect();
    if taken.len() < text.len() {
        taken.push('…');
    }
    let spell = |c: char| match c {
        '\u{fffe}' | '\u{ffff}' => c.escape_unicode().to_string(),
        plain => plain.to_string(),
    };
    line(&taken).chars().map(spell).collect()
}

/// How wide a text is at a size, as wide as the widest of the fonts that may draw it.
pub(super) fn width(text: &str, size: u32) -> f64 {
    let advance = |c: char| {
        let at = (c as usize).checked_sub(usize::from(b' '));
        f64::from(at.and_then(|at| WIDTHS.get(at)).copied().unwrap_or(OTHER_WIDTH))
    };
    text.chars().map(advance).sum::<f64>() * f64::from(size) / EM
}

/// A text that is at most so wide; what is cut off is told by `…`.
pub(super) fn cut(text: &str, size: u32, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let room = room - width("…", size);
    let (mut kept, mut used) = (String::new(), 0.0);
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]), size);
        if used > room {
            break;
        }
        kept.push(c);
    }
    kept.trim_end().to_owned() + "…"
}

/// A name that is at most so wide, without its middle: names often begin alike, and differ at their ends.
pub(super) fn squeezed(name: &str, size: u32, room: f64) -> String {
    if width(name, size) <= room {
        return name.to_owned();
    }
    let turned = |text: &str| text.chars().rev().collect::<String>();
    let half = (room - width("…", size)) / 2.0;
    let begin = cut(name, size, half + width("…", size));
    let end = turned(&cut(&turned(name), size, half + width("…", size)));
    begin + end.trim_start_matches('…')
}

/// A text on at most `most` lines, broken between words; each is cut where it is wider than `room`.
pub(super) fn wrapped(text: &str, size: u32, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let count = lines.len();
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if count == most || width(&longer, size) <= room {
                *line = longer;
                continue;
            }
        }
        lines.push(word.to_owned());
    }
    lines.iter().map(|line| cut(line, size, room)).collect()
}

/// A name on at most `most` lines without losing anything, broken behind spaces, `_`, `-`, `/`, `=` and
/// commas; `None` where it has no room.
pub(super) fn broken(name: &str, size: u32, room: f64, most: usize) -> Option<Vec<String>> {
    let mut lines: Vec<String> = vec![String::new()];
    for part in name.split_inclusive([' ', '_', '-', '/', '=', ',']) {
        let line = lines.last_mut()?;
        if line.is_empty() || width(line, size) + width(part.trim_end(), size) <= room {
            line.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    }
    let fits = lines.len() <= most && lines.iter().all(|line| width(line.trim_end(), size) <= room);
    fits.then_some(lines)
}

/// The width of the widest.
pub(super) fn widest<'a>(texts: impl IntoIterator<Item = &'a String>, size: u32) -> f64 {
    texts.into_iter().map(|text| width(text, size)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_short_and_hides_nothing() {
        let text = harmless("a\u{202e}b\u{0}\u{fffe}\n<script>");
        assert_eq!(text, "a\\u{202e}b\\u{0}\\u{fffe} <script>");
        let long = harmless(&"\u{1}".repeat(10_000));
        assert!(long.len() < 4_000 && long.ends_with('…'), "{}", long.len());
    }

    #[test]
    fn cut_text_fits_and_says_that_it_was_cut() {
        let name = "a-very-long-name".repeat(10);
        let short = cut(&name, 12, 100.0);
        assert!(width(&short, 12) <= 100.0 && short.ends_with('…'), "{short}");
        assert_eq!(cut("short", 12, 100.0), "short");
        assert_eq!(cut("wide", 12, 0.0), "…");
        let name = "prompts prompt_tokens=16, temperature=0.7";
        let short = squeezed(name, 12, 150.0);
        assert!(width(&short, 12) <= 150.0 && short.contains('…'), "{short}");
        assert!(short.starts_with("prompts") && short.ends_with("=0.7"), "{short}");
    }

    #[test]
    fn lines_break_between_words_and_the_last_takes_the_rest() {
        let lines = wrapped("one two three four", 12, width("one two", 12), 2);
        assert_eq!(lines, ["one two", "three…"]);
        assert_eq!(wrapped("one", 12, 1000.0, 2), ["one"]);
        let room = width("throughput ", 12);
        let lines = broken("token_throughput batch=8", 12, room, 3).unwrap();
        assert_eq!(lines, ["token_", "throughput ", "batch=8"]);
        assert_eq!(broken("token_throughput batch=8", 12, room, 2), None);
    }
}
