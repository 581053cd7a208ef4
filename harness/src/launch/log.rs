//! What a launched process writes, kept in a file and quoted from its end.

use crate::http::escape;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much of the end is looked at.
const TAIL_BYTES: u64 = 16 << 10;
/// How much of a line is quoted.
const QUOTED_CHARS: usize = 200;

/// The log of one process.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    /// A new, empty log in `folder`, which is made where it is not there; readable by its owner
    /// alone, since prompts may stand in it.
    pub(crate) fn create(folder: &Path, name: &str) -> io::Result<(Self, File)> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        Ok((Self { path }, file))
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether `words` stand in it after `from`; `from` moves on to where the next look begins.
    pub(crate) fn has(&self, words: &str, from: &mut u64) -> bool {
        let Ok(text) = self.read_from(*from) else { return false };
        let found = text.contains(words);
        // The words may be cut by the end of what was written so far.
        *from += text.len().saturating_sub(words.len()) as u64;
        found
    }

    /// The last words: the last line that says what is wrong, else the last line.
    pub(crate) fn last_words(&self) -> String {
        let text = self.tail();
        let lines = || text.lines().rev().map(str::trim).filter(|line| !line.is_empty());
        let telling = lines().find(|line| line.to_ascii_lowercase().contains("error"));
        let line = telling.or_else(|| lines().next()).unwrap_or("it wrote nothing");
        escape(line).chars().take(QUOTED_CHARS).collect()
    }

    /// Whether the process says that memory ran out.
    pub(crate) fn tells_of_no_memory(&self) -> bool {
        let text = self.tail().to_ascii_lowercase();
        text.contains("out of memory") || text.contains("outofmemory")
    }

    fn tail(&self) -> String {
        let length = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        self.read_from(length.saturating_sub(TAIL_BYTES)).unwrap_or_default()
    }

    fn read_from(&self, start: u64) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(64 << 20).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn words_are_found_once_they_are_whole_and_the_end_is_quoted() {
        let folder = std::env::temp_dir().join(format!("tokgate-log-{}", std::process::id()));
        let (log, mut file) = Log::create(&folder, "a.log").unwrap();
        let mut from = 0;
        write!(file, "loading\nall is re").unwrap();
        assert!(!log.has("is ready", &mut from));
        writeln!(file, "ady\nRuntimeError: CUDA out of memory\n\u{1b}[0mbye").unwrap();
        assert!(log.has("is ready", &mut from));
        assert_eq!(log.last_words(), "RuntimeError: CUDA out of memory");
        assert!(log.tells_of_no_memory());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
