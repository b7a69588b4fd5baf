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
    _input: Option<NamedTempFile>,
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
                let mut command = Command::new(program);
                command.arg(script).arg(file.path());
                Self::start(name, &mut command, Some(file))
            })
            .collect()
    }

    /// dynamo-es against a DynamoDB: `just bench` builds it.
    pub fn dynamo_es(endpoint: &str) -> Result<Self> {
        let program = peers().join("dynamo-es/target/release/bench-dynamo-es");
        Self::start("dynamo-es", Command::new(program).arg(endpoint), None)
    }

    fn start(
        name: &'static str,
        command: &mut Command,
        input: Option<NamedTempFile>,
    ) -> Result<Self> {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let running = match child {
            Ok(mut child) => Some(Running {
                stdin: child.stdin.take().ok_or("no standard input")?,
                stdout: lines(child.stdout.take().ok_or("no standard output")?),
                _child: child,
                _input: input,
            }),
            Err(error) => {
                eprintln!("{name} is not measured: {error}");
                None
            }
        };
        Ok(Self { name, running })
    }

    /// A round of work, as a line says: its figures.
    pub async fn round<const N: usize>(&mut self, line: &str) -> Result<[f64; N]> {
        let mut figures = [f64::NAN; N];
        let Some(running) = &mut self.running else {
            return Ok(figures);
        };
        running
            .stdin
            .write_all(format!("{line}\n").as_bytes())
            .await?;
        let told = running.stdout.next_line().await?.ok_or("it has ended")?;
        for (figure, word) in figures.iter_mut().zip(told.split_whitespace()) {
            *figure = word.parse()?;
        }
        Ok(figures)
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
