//! `rewind upgrade`: brings a newer template into a repository that `rewind new`
//! has made, and shows what is different.

use super::{
    failed,
    files::rendered,
    merge::{What, difference, is_marked, merged},
    record::{Record, remove},
    write,
};
use crate::{
    end::{End, Outcome},
    out::{part, say},
};
use clap::Args as ClapArgs;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// Which repository.
#[derive(ClapArgs)]
pub struct Args {
    /// The folder of the repository.
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// Shows the difference and writes nothing.
    #[arg(long)]
    dry_run: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// One file that does not stay as it is.
struct Change {
    path: String,
    what: What,
    /// Its text from now on: `None` for no file.
    text: Option<String>,
    difference: String,
}

/// Upgrades the repository. What is left to do by hand is no success.
pub fn run(args: &Args) -> Outcome {
    let dir = args.path.as_path();
    let record = Record::read(dir)?;
    let files = rendered(&record.name, &record.origin);
    let newer = Record::of(&record.name, &record.origin, &files);
    // All is read before anything is written.
    let changes = changes(dir, &record.texts, &newer.texts)?;
    if !args.dry_run {
        for change in &changes {
            match &change.text {
                Some(text) => write(dir, &change.path, text)?,
                None => remove(&dir.join(&change.path))?,
            }
        }
        newer.write(dir)?;
    }
    match args.json {
        true => say!("{}", as_json(&record, &newer, &changes, args.dry_run))?,
        false => show(&record, &newer, &changes, args.dry_run)?,
    }
    match changes.iter().any(|change| change.what.is_left_to_do()) {
        true => Err(End::NotDone),
        false => Ok(()),
    }
}

type Texts = BTreeMap<String, String>;

fn changes(dir: &Path, written: &Texts, newer: &Texts) -> Result<Vec<Change>, End> {
    let paths: BTreeSet<&String> = written.keys().chain(newer.keys()).collect();
    let mut changes = Vec::new();
    for path in paths {
        let there = read(&dir.join(path))?;
        if there.as_deref().is_some_and(is_marked) {
            let why = "has conflicts of an earlier upgrade: resolve them first";
            return Err(End::Refused(format!("{path} {why}")));
        }
        let (written, newer) = (written.get(path), newer.get(path));
        let (what, text) = merged(
            written.map(String::as_str),
            there.as_deref(),
            newer.map(String::as_str),
        );
        if what == What::Same {
            continue;
        }
        let (before, after) = (there.unwrap_or_default(), text.as_deref());
        let difference = match before == after.unwrap_or_default() {
            true => String::new(),
            false => difference(path, &before, after.unwrap_or_default()),
        };
        changes.push(Change {
            path: path.clone(),
            what,
            text,
            difference,
        });
    }
    Ok(changes)
}

/// The text of a file; `None` where there is none.
fn read(file: &Path) -> Result<Option<String>, End> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(file, &error)),
    }
}

fn show(before: &Record, after: &Record, changes: &[Change], is_dry: bool) -> Outcome {
    for change in changes {
        let Change { path, what, .. } = change;
        say!("{} {path}{}", what.name(), what.why())?;
        part(format_args!("{}", change.difference))?;
    }
    let left = changes.iter().filter(|change| change.what.is_left_to_do());
    let (all, left) = (changes.len(), left.count());
    let versions = format!("template {}, before {}", after.version, before.version);
    match (all, is_dry) {
        (0, _) => say!("Nothing to do: {versions}."),
        (_, true) => {
            say!("Nothing is written. Files that change: {all}, by hand {left}; {versions}.")
        }
        (_, false) => say!("Files that have changed: {all}, by hand {left}; {versions}."),
    }
}

fn as_json(before: &Record, after: &Record, changes: &[Change], is_dry: bool) -> Value {
    let files = changes.iter().map(|change| {
        json!({
            "path": change.path, "what": change.what.name(),
            "by_hand": change.what.is_left_to_do(), "difference": change.difference,
        })
    });
    json!({
        "name": after.name, "from": before.version, "to": after.version,
        "dry_run": is_dry, "files": files.collect::<Vec<_>>(),
    })
}
