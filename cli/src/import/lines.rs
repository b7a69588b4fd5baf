//! The lines of a file or of standard input, one at a time.

use super::line::Bad;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
    path::Path,
};

/// The longest line, in bytes. A recorded event takes less than 300 KB.
const MAX_LINE: u64 = 1_000_000;

/// The lines of an input. Blank lines are skipped.
pub struct Lines {
    from: BufReader<File>,
    line: Vec<u8>,
    /// The number of the current line, from 1.
    pub number: u64,
    /// How many bytes were read since the beginning.
    pub read: u64,
    /// How many bytes there are.
    pub bytes: u64,
}

/// Why a line cannot be read.
#[derive(Debug)]
pub enum LineError {
    /// The line is too long.
    Bad(Bad),
    /// Reading failed.
    Io(io::Error),
}

impl Lines {
    /// Opens a file; `-` is standard input, which is copied into a file without a
    /// name, because the lines are read twice. A pipe of the shell is copied, too.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Self::copied(&mut io::stdin().lock());
        }
        let mut file = File::open(path)?;
        let about = file.metadata()?;
        match about.is_file() {
            true => Ok(Self::new(file, about.len())),
            false => Self::copied(&mut file),
        }
    }

    fn copied(from: &mut impl Read) -> io::Result<Self> {
        let mut lines = Self::new(tempfile::tempfile()?, 0);
        lines.bytes = io::copy(from, lines.from.get_mut())?;
        lines.again()?;
        Ok(lines)
    }

    fn new(file: File, bytes: u64) -> Self {
        Self {
            from: BufReader::new(file),
            line: Vec::new(),
            number: 0,
            read: 0,
            bytes,
        }
    }

    /// Goes back to the first line.
    pub fn again(&mut self) -> io::Result<()> {
        self.number = 0;
        self.read = 0;
        self.from.rewind()
    }

    /// Returns the next line; `None` behind the last.
    pub fn next(&mut self) -> Result<Option<&[u8]>, LineError> {
        loop {
            self.line.clear();
            self.number += 1;
            let mut limited = self.from.by_ref().take(MAX_LINE + 1);
            let read = limited.read_until(b'\n', &mut self.line);
            let read = read.map_err(LineError::Io)?;
            self.read += read as u64;
            match read {
                0 => return Ok(None),
                _ if self.line.trim_ascii().is_empty() => {}
                _ if self.line.len() as u64 > MAX_LINE => {
                    let detail = format!("is longer than {MAX_LINE} bytes");
                    let field = None;
                    return Err(LineError::Bad(Bad { field, detail }));
                }
                _ => return Ok(Some(self.line.trim_ascii())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Lines {
        Lines::copied(&mut &*text).unwrap()
    }

    #[test]
    fn blank_lines_are_passed_over_and_counted() {
        let mut lines = lines(b"a\r\n\n  \nb");
        assert_eq!(lines.next().unwrap(), Some(&b"a"[..]));
        assert_eq!(lines.next().unwrap(), Some(&b"b"[..]));
        assert_eq!(lines.number, 4);
        assert_eq!(lines.next().unwrap(), None);
        lines.again().unwrap();
        assert_eq!(lines.next().unwrap(), Some(&b"a"[..]));
        assert_eq!(lines.number, 1);
    }

    #[test]
    fn a_line_without_an_end_does_not_fill_the_memory() {
        let mut lines = lines(&[b'x'; 3_000_000]);
        assert!(matches!(lines.next(), Err(LineError::Bad(_))));
        assert!(lines.line.capacity() < 2_100_000);
    }
}
