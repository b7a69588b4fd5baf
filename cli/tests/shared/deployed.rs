//! A program that is its own `rewind` command, deployed several times: under a
//! name that ends in the number of a deployment it is that deployment's.
#![allow(dead_code, reason = "each page uses its own part")]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

/// The number in `deployed-2`.
pub fn deployment(program: &Path) -> Option<usize> {
    let name = program.file_name()?.to_str()?;
    name.strip_prefix("deployed-")?.parse().ok()
}

/// The program under the name of a deployment, in a folder.
pub fn deploy(program: &Path, dir: &Path, nth: usize) -> PathBuf {
    let deployed = dir.join(format!("deployed-{nth}"));
    std::fs::hard_link(program, &deployed)
        .or_else(|_| std::fs::copy(program, &deployed).map(drop))
        .unwrap();
    deployed
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A system of one deployment.
pub struct System {
    process: Child,
    pub url: String,
}

impl System {
    pub fn start(program: &Path, dir: &Path) -> Self {
        Self::started(Command::new(program), dir)
    }

    /// Through a shell, with options as a page shows them.
    pub fn with(program: &Path, dir: &Path, options: &str) -> Self {
        let mut command = Command::new("sh");
        let program = program.display();
        command.args(["-c", &format!("exec {program} {options} \"$@\""), "sh"]);
        Self::started(command, dir)
    }

    fn started(mut command: Command, dir: &Path) -> Self {
        let process = command
            .args(["--port", "0", "--dir"])
            .arg(dir)
            .current_dir(root())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = process.unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("a line").unwrap();
            if let Some(at) = line.find("http://") {
                break line[at..].split_whitespace().next().unwrap().to_string();
            }
        };
        thread::spawn(move || lines.for_each(drop));
        Self { process, url }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // As Ctrl-C does; gone already is as good.
        let pid = self.process.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.process.wait();
    }
}

/// Runs a verb of a deployment, through a shell as the page shows it.
pub fn verb(program: &Path, state: &Path, arguments: &str) -> String {
    let (arguments, pipe) = match arguments.split_once(" | ") {
        Some((arguments, pipe)) => (arguments, format!(" | {pipe}")),
        None => (arguments, String::new()),
    };
    let (program, state) = (program.display(), state.display());
    let command = format!("{program} {arguments} --dir {state}{pipe}");
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(root())
        .output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{command}: {said}{errors}");
    said
}
