//! The passages of a case: their texts, made from the seed or read from a file.

use crate::checksum::sha256;
use crate::datafile::opened;
use crate::driver::OpenError;
use std::io::Read;
use tokgate_core::case::{Contents, Passages};
use tokgate_core::dataset::synthetic::passage;

/// Largest file that is read: a hundred thousand passages of 2 KiB.
const MOST_BYTES: u64 = 256 << 20;

/// Looks into the file of passages, and says in the case what was found. Seeded ones are as they
/// were.
///
/// # Errors
/// When the file cannot be used; the message names it.
pub(crate) fn surveyed(asked: &Passages) -> Result<Passages, OpenError> {
    let Passages::File { path, most, .. } = asked else { return Ok(asked.clone()) };
    let text = text(path)?;
    let sha256 = sha256(text.as_bytes()).map_err(|error| refused(path, &error.to_string()))?;
    let entries = lines(&text, *most).count() as u64;
    let contents = Some(Contents { sha256, entries, bad_lines: 0 });
    Ok(Passages::File { path: path.clone(), most: *most, contents })
}

/// The texts, in their order.
///
/// # Errors
/// When the file cannot be used, or has none; the message names it.
pub(super) fn texts(asked: &Passages, seed: u64) -> Result<Vec<String>, OpenError> {
    match asked {
        Passages::Seeded { count, words } => {
            Ok((0..*count).map(|number| passage(*words, seed, number)).collect())
        }
        Passages::File { path, most, .. } => {
            Ok(lines(&text(path)?, *most).map(str::to_owned).collect())
        }
    }
}

/// The passages' name: `seeded-2000x48-seed42`, or the file's path.
pub(super) fn name(asked: &Passages, seed: u64) -> String {
    match asked {
        Passages::Seeded { count, words } => format!("seeded-{count}x{words}-seed{seed}"),
        Passages::File { path, .. } => path.clone(),
    }
}

fn text(path: &str) -> Result<String, OpenError> {
    let file = opened(path, MOST_BYTES).map_err(|why| refused(path, &why))?;
    let mut text = String::new();
    file.take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| refused(path, &format!("cannot be read as UTF-8 text: {error}")))?;
    Ok(text)
}

/// The lines that say something, without a byte-order mark.
fn lines(text: &str, most: u32) -> impl Iterator<Item = &str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(most as usize)
}

fn refused(path: &str, what: &str) -> OpenError {
    OpenError::Invalid(format!("passage file {path}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8], most: u32) -> (tempfile::NamedTempFile, Passages) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let path = file.path().display().to_string();
        (file, Passages::File { path, most, contents: None })
    }

    #[test]
    fn a_line_of_a_file_is_a_passage_and_empty_ones_are_none() {
        let (_kept, asked) = file("\u{feff}one\r\n\n  \ntwo words\nthree".as_bytes(), 2);
        assert_eq!(texts(&asked, 1).unwrap(), ["one", "two words"]);
        let Passages::File { contents: Some(found), .. } = surveyed(&asked).unwrap() else {
            panic!("a file was expected");
        };
        assert_eq!((found.entries, found.sha256.len()), (2, 64));
    }

    #[test]
    fn a_file_that_is_no_text_is_refused_by_name() {
        let (_kept, asked) = file(&[0xff, 0xfe, 0x00], 10);
        let told = texts(&asked, 1).unwrap_err().to_string();
        assert!(told.starts_with("passage file ") && told.contains("UTF-8"), "{told}");
        let missing = Passages::File { path: "nowhere.txt".to_owned(), most: 1, contents: None };
        assert!(surveyed(&missing).unwrap_err().to_string().contains("nowhere.txt"));
    }

    #[test]
    fn seeded_passages_are_the_same_again() {
        let asked = Passages::Seeded { count: 3, words: 5 };
        assert_eq!(texts(&asked, 1).unwrap(), texts(&asked, 1).unwrap());
        assert_ne!(texts(&asked, 1).unwrap(), texts(&asked, 2).unwrap());
    }
}
