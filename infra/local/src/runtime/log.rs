//! Keeps what a function's processes print, in files of limited size.
//!
//! A process writes into a pipe, never into a file. On a full disk it would panic at its next line. Lines that cannot be
//! written are left out, and counted.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

use crate::lock::locked;
use crate::options::{Observed, Observer};
use crate::state::disk::Disk;
use crate::state::private;

/// The size at which a file ends and the next one begins.
const FILE_BYTES: u64 = 4 * 1024 * 1024;
/// How many older files are kept: `<name>.log.1` is the newest of them, then `<name>.log.2`.
const KEPT_FILES: u32 = 3;
/// The longest line that is not split.
const LINE_BYTES: u64 = 64 * 1024;

/// What one function prints: kept in files, and told to who observes it.
#[derive(Debug)]
pub(super) struct Log {
    file: Option<LogFile>,
    function: String,
    observer: Option<Observer>,
}

impl Log {
    pub fn new(file: Option<LogFile>, function: &str, observer: Option<Observer>) -> Self {
        Self {
            file,
            function: function.to_owned(),
            observer,
        }
    }

    /// The file, where there is one.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| &*file.path)
    }

    /// Takes all lines of an output, until it ends.
    pub async fn follow(self: Arc<Self>, output: impl AsyncRead + Unpin) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut output)
                .take(LINE_BYTES)
                .read_until(b'\n', &mut line)
                .await
            {
                Ok(0) | Err(_) => return,
                Ok(_) => self.take(&line),
            }
        }
    }

    fn take(&self, line: &[u8]) {
        if let Some(file) = &self.file {
            file.write(line);
        }
        if let Some(observer) = &self.observer {
            observer.tell(&self.function, Observed::Line(line));
        }
    }
}

/// The files of one function's log.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    disk: Disk,
    file_bytes: u64,
    current: Mutex<Current>,
}

#[derive(Debug, Default)]
struct Current {
    file: Option<File>,
    bytes: u64,
    left_out: u64,
}

impl LogFile {
    /// The log of a function in a folder.
    pub fn of(folder: &Path, function: &str, disk: Disk) -> Self {
        Self::with_files_of(folder, function, disk, FILE_BYTES)
    }

    fn with_files_of(folder: &Path, function: &str, disk: Disk, file_bytes: u64) -> Self {
        Self {
            path: folder.join(format!("{function}.log")),
            disk,
            file_bytes,
            current: Mutex::default(),
        }
    }

    /// Writes a line, or counts it as left out.
    pub fn write(&self, line: &[u8]) {
        let mut current = locked(&self.current);
        let note = match current.left_out {
            0 => String::new(),
            count => format!("... {count} lines are left out: they could not be written\n"),
        };
        let text = [note.as_bytes(), line].concat();
        match self.append(&mut current, &text) {
            Ok(()) => current.left_out = 0,
            Err(error) => {
                current.left_out += 1;
                // A full disk is reported elsewhere.
                if !self.disk.is_cause(&error) && current.left_out == 1 {
                    tracing::warn!(log = %self.path.display(), %error, "a function's output cannot be kept");
                }
            }
        }
    }

    fn append(&self, current: &mut Current, text: &[u8]) -> io::Result<()> {
        if current.bytes + text.len() as u64 > self.file_bytes && current.bytes > 0 {
            current.file = None;
            self.rotate()?;
        }
        let file = match &mut current.file {
            Some(file) => file,
            none => {
                let file = private::options()
                    .create(true)
                    .append(true)
                    .open(&self.path)?;
                current.bytes = file.metadata()?.len();
                none.insert(file)
            }
        };
        if let Err(error) = file.write_all(text) {
            // Half a line would merge with the next one.
            let _ = file.set_len(current.bytes);
            return Err(error);
        }
        current.bytes += text.len() as u64;
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        for number in (1..=KEPT_FILES).rev() {
            let from = match number {
                1 => self.path.clone(),
                number => self.kept(number - 1),
            };
            if from.exists() {
                fs::rename(from, self.kept(number))?;
            }
        }
        Ok(())
    }

    fn kept(&self, number: u32) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_last_files_and_no_more() {
        let folder = std::env::temp_dir().join(format!("log-{}", uuid::Uuid::now_v7()));
        private::make_folder(&folder).unwrap();
        let log = LogFile::with_files_of(&folder, "pump", Disk::none(), 100);
        for number in 0..100 {
            log.write(format!("line {number:03}\n").as_bytes());
        }
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["pump.log", "pump.log.1", "pump.log.2", "pump.log.3"]
        );
        let text: String = names
            .iter()
            .rev()
            .map(|name| fs::read_to_string(folder.join(name)).unwrap())
            .collect();
        let kept: Vec<&str> = text.lines().collect();
        assert!(text.len() <= 400, "{}", text.len());
        assert_eq!(kept.last(), Some(&"line 099"));
        let first: usize = kept[0][5..].parse().unwrap();
        assert_eq!(kept.len(), 100 - first, "none is missing between: {kept:?}");
        // Another process of the function goes on in the same file.
        let again = LogFile::with_files_of(&folder, "pump", Disk::none(), 100);
        again.write(b"line 100\n");
        let last = fs::read_to_string(folder.join("pump.log")).unwrap();
        assert!(last.ends_with("line 099\nline 100\n"), "{last}");
        fs::remove_dir_all(folder).unwrap();
    }
}
