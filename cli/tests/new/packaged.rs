//! What is published holds what is compiled into it.

use crate::made::{ended, rewind};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    paths.flat_map(below).collect()
}

#[test]
fn the_package_of_the_command_holds_the_template_and_the_console() {
    let mut cargo = Command::new(env!("CARGO"));
    let list = ["package", "--list", "--package", "rewind-cli"];
    cargo.args(list).args(["--allow-dirty", "--offline"]);
    let (code, listed, errors) = ended(cargo.current_dir(rewind()));
    assert_eq!(code, 0, "{errors}");
    let listed: Vec<&str> = listed.lines().collect();
    let cli = rewind().join("cli");
    for folder in ["templates", "console"] {
        let files = files(&cli.join(folder));
        assert!(files.len() > 10, "{folder}");
        for file in files {
            let file = file.strip_prefix(&cli).unwrap().to_str().unwrap();
            assert!(listed.contains(&file), "{file} is not in the package");
        }
    }
    for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md"] {
        assert!(listed.contains(&file), "{file} is not in the package");
    }
}
