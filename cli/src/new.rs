//! `rewind new`: makes a repository of one's own, which depends on Rewind.

mod files;
mod merge;
mod name;
mod origin;
mod record;
pub mod upgrade;

use crate::{
    end::{End, Outcome},
    out::say,
};
use clap::Args as ClapArgs;
use origin::Origin;
use record::Record;
use serde_json::json;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What is made, and where.
#[derive(ClapArgs)]
pub struct Args {
    /// Its name: that of a Cargo package, and of the stacks `NAME-dev` and
    /// `NAME-prod`.
    #[arg(id = "repository", value_name = "NAME")]
    name: String,
    /// The folder of the repository, which is empty or made. Without it, the
    /// folder NAME.
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// The Rewind that it depends on: a copy of Rewind's repository, or the URL of
    /// one for git, with `#` in front of a tag, a branch or a commit. Without it,
    /// the one that this program was built from.
    #[arg(long, value_name = "PATH|GIT_URL")]
    rewind: Option<String>,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Makes the repository.
pub fn run(args: &Args) -> Outcome {
    name::check(&args.name)?;
    let origin = match &args.rewind {
        Some(text) => Origin::given(text)?,
        None => Origin::of_this_program(),
    };
    let dir = args.path.clone().unwrap_or_else(|| (&args.name).into());
    let dir = made(&dir)?;
    let files = files::rendered(&args.name, &origin);
    for file in &files {
        write(&dir, &file.path, &file.text)?;
    }
    let record = Record::of(&args.name, &origin, &files);
    record.write(&dir)?;
    match args.json {
        true => {
            let written: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
            let made = json!({
                "name": args.name, "path": dir, "rewind": origin.to_string(),
                "version": record.version, "files": written,
            });
            say!("{made}")
        }
        false => {
            say!("Made {} in {}.", args.name, dir.display())?;
            say!("It depends on Rewind {origin}.")?;
            say!()?;
            say!("  cd {}", dir.display())?;
            say!("  cargo run     the whole system on this machine")?;
            say!("  cargo test    the tests of its domain and of the whole system")?;
            say!()?;
            say!("Its README.md goes on from there.")
        }
    }
}

/// Makes a folder, or takes one that is empty. Returns its absolute path.
fn made(dir: &Path) -> Result<PathBuf, End> {
    fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    let entries = fs::read_dir(dir).map_err(|error| failed(dir, &error))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed(dir, &error))?.file_name();
        // An empty clone is as empty as a folder.
        if entry != ".git" {
            let why = "a new repository needs an empty folder";
            let (dir, entry) = (dir.display(), entry.display());
            return Err(End::Refused(format!("{dir} holds {entry}: {why}")));
        }
    }
    fs::canonicalize(dir).map_err(|error| failed(dir, &error))
}

/// Writes a file of a repository, and the folders above it.
fn write(dir: &Path, path: &str, text: &str) -> Outcome {
    let file = dir.join(path);
    let folder = file.parent().unwrap_or(dir);
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    fs::write(&file, text).map_err(|error| failed(&file, &error))
}

fn failed(path: &Path, error: &io::Error) -> End {
    End::Failed(format!("{}: {error}", path.display()))
}
