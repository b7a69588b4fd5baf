//! A repository that `rewind new` has made in a folder of its own.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Instant,
};
use tempfile::TempDir;

/// Rewind's own repository.
pub fn rewind() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a call of `rewind` in a folder ends with: its code and its outputs.
pub fn called(folder: &Path, call: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewind"));
    ended(command.args(call).current_dir(folder))
}

/// What a command ends with.
pub fn ended(command: &mut Command) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The repository `my-shop`. It is removed at the end of its test.
pub struct Made {
    around: TempDir,
}

impl Made {
    /// Makes it in an empty folder, as a user does.
    pub fn new() -> Self {
        let around = tempfile::tempdir().unwrap();
        let (code, said, errors) = called(around.path(), &["new", "my-shop"]);
        assert_eq!(code, 0, "{errors}");
        for word in ["my-shop", "cargo run", "cargo test", "README.md"] {
            assert!(said.contains(word), "{said}");
        }
        Self { around }
    }

    /// Its folder.
    pub fn dir(&self) -> PathBuf {
        self.around.path().join("my-shop")
    }

    /// The text of one of its files.
    pub fn read(&self, path: &str) -> String {
        let file = self.dir().join(path);
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Writes one of its files.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.dir().join(path), text).unwrap();
    }

    /// The n-th piece of its README's Rust code.
    pub fn code(&self, nth: usize) -> String {
        let readme = self.read("README.md");
        let code = readme.split("```rust\n").nth(nth + 1).unwrap();
        code.split("```").next().unwrap().to_owned()
    }

    /// Runs cargo in it. What is compiled of the registry's crates for the tests
    /// serves here too, because the lock file is the same to begin with. To cargo,
    /// two repositories of one name are one: only one test may build.
    pub fn cargo(&self, arguments: &[&str]) -> String {
        let lock = self.dir().join("Cargo.lock");
        if !lock.exists() {
            fs::copy(rewind().join("Cargo.lock"), lock).unwrap();
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(arguments).env("CARGO_NET_OFFLINE", "true");
        cargo.current_dir(self.dir());
        // What this test's own cargo has said of its own package.
        let is_of_a_package =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars().filter(|(name, _)| is_of_a_package(name)) {
            cargo.env_remove(name);
        }
        cargo.env("CARGO_TARGET_DIR", target());
        let begun = Instant::now();
        let (code, said, errors) = ended(&mut cargo);
        println!("cargo {}: {:.1?}", arguments.join(" "), begun.elapsed());
        assert_eq!(code, 0, "cargo {arguments:?}: {said}{errors}");
        said
    }

    /// Its program, once cargo has built it.
    pub fn program(&self) -> PathBuf {
        target().join("debug/my-shop")
    }

    /// Its packages, as cargo sees them.
    pub fn packages(&self) -> Vec<Value> {
        let metadata = self.cargo(&["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Value = serde_json::from_str(&metadata).unwrap();
        metadata["packages"].as_array().unwrap().clone()
    }
}

/// The folder of what is compiled.
fn target() -> &'static Path {
    let program = Path::new(env!("CARGO_BIN_EXE_rewind"));
    program.ancestors().nth(2).unwrap()
}
