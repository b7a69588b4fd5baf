//! Programs in other languages that do the same work. Each stays up, so that what
//! it compiles at run time is compiled; it works when a line comes, and answers
//! with its own CPU time.

use crate::Result;
use std::{io::Write as _, path::PathBuf, process::Stdio};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// A program in another language that does a round of work when it is told to.
pub struct Script {
    name: &'static str,
    /// `None` where the language is not installed.
    running: Option<Running>,
}

struct Running {
    _child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    _input: NamedTempFile,
}

impl Script {
    /// The work of this name in each language, on this input.
    pub fn all(work: &str, input: &[u8]) -> Result<Vec<Self>> {
        let languages = [
            ("Node", "node", "node", "mjs"),
            ("Python", "python3", "python", "py"),
        ];
        languages
            .into_iter()
            .map(|(name, program, folder, ending)| {
                let script = peers().join(folder).join(format!("{work}.{ending}"));
                let mut file = NamedTempFile::new()?;
                file.write_all(input)?;
                file.flush()?;
                let child = Command::new(program)
                    .arg(script)
                    .arg(file.path())
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .kill_on_drop(true)
                    .spawn();
                let running = match child {
                    Ok(mut child) => Some(Running {
                        stdin: child.stdin.take().ok_or("no standard input")?,
                        stdout: lines(child.stdout.take().ok_or("no standard output")?),
                        _child: child,
                        _input: file,
                    }),
                    Err(error) => {
                        eprintln!("{name} is not measured: {program}: {error}");
                        None
                    }
                };
                Ok(Self { name, running })
            })
            .collect()
    }

    /// A round of work: its figure.
    pub async fn round(&mut self) -> Result<f64> {
        let Some(running) = &mut self.running else {
            return Ok(f64::NAN);
        };
        running.stdin.write_all(b"\n").await?;
        let line = running.stdout.next_line().await?;
        Ok(line.ok_or("it has ended")?.trim().parse()?)
    }

    /// What it is.
    pub fn name(&self) -> String {
        match self.running {
            Some(_) => self.name.to_string(),
            None => format!("{} (not installed here)", self.name),
        }
    }
}

fn lines(stdout: ChildStdout) -> Lines<BufReader<ChildStdout>> {
    BufReader::new(stdout).lines()
}

/// Where the programs in other languages lie.
pub fn peers() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers")
}
