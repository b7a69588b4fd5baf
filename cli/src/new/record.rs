//! `.rewind-template`: what Rewind has written into a repository. An upgrade finds
//! by it what the team has changed since.

use super::{failed, files::File, origin::Origin, write};
use crate::end::{End, Outcome};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path},
};

/// The folder. Cargo looks for packages in no folder whose name begins with a dot.
const FOLDER: &str = ".rewind-template";
const RECORD: &str = "record.json";

/// What was written last.
pub struct Record {
    /// The repository's name.
    pub name: String,
    /// Where it has Rewind from.
    pub origin: Origin,
    /// The version of the template.
    pub version: String,
    /// The texts of the files that upgrades look after.
    pub texts: BTreeMap<String, String>,
}

impl Record {
    /// The record of a repository with these files, by this program.
    pub fn of(name: &str, origin: &Origin, files: &[File]) -> Self {
        let kept = files.iter().filter(|file| !file.is_theirs);
        Self {
            name: name.to_owned(),
            origin: origin.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            texts: kept
                .map(|file| (file.path.clone(), file.text.clone()))
                .collect(),
        }
    }

    /// Writes it, and removes what it does not hold any more.
    pub fn write(&self, dir: &Path) -> Outcome {
        let before = Self::read(dir).ok();
        for (path, text) in &self.texts {
            write(dir, &format!("{FOLDER}/{path}"), text)?;
        }
        let files: Vec<&String> = self.texts.keys().collect();
        let record = json!({
            "name": self.name, "rewind": self.origin.recorded(), "version": self.version,
            "files": files,
        });
        write(dir, &format!("{FOLDER}/{RECORD}"), &format!("{record:#}\n"))?;
        let before = before.into_iter().flat_map(|before| before.texts);
        for (path, _) in before.filter(|(path, _)| !self.texts.contains_key(path)) {
            remove(&dir.join(FOLDER).join(path))?;
        }
        Ok(())
    }

    /// Reads the record of a repository.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be read.
    pub fn read(dir: &Path) -> Result<Self, End> {
        let folder = dir.join(FOLDER);
        let file = folder.join(RECORD);
        let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => End::Wrong(format!(
                "--path: {} is no repository that `rewind new` has made: it has no {FOLDER}/{RECORD}",
                dir.display()
            )),
            _ => failed(&file, &error),
        })?;
        let unlike = |why: &str| End::Failed(format!("{}: {why}", file.display()));
        let record: Value =
            serde_json::from_str(&text).map_err(|error| unlike(&error.to_string()))?;
        let word = |member: &str| {
            let word = record[member].as_str();
            word.ok_or_else(|| unlike(&format!("`{member}`: expected a string")))
        };
        let origin = Origin::of_record(&record["rewind"]);
        let origin = origin.ok_or_else(|| unlike("`rewind`: expected a string or null"))?;
        let files = record["files"].as_array();
        let files = files.ok_or_else(|| unlike("`files`: expected a list"))?;
        let mut texts = BTreeMap::new();
        for path in files {
            let path = path.as_str().filter(|path| is_below(path));
            let path = path.ok_or_else(|| unlike("`files`: expected paths in the repository"))?;
            let text = fs::read_to_string(folder.join(path));
            let text = text.map_err(|error| failed(&folder.join(path), &error))?;
            texts.insert(path.to_owned(), text);
        }
        Ok(Self {
            name: word("name")?.to_owned(),
            origin,
            version: word("version")?.to_owned(),
            texts,
        })
    }
}

/// Whether a path stays in its folder.
fn is_below(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Removes a file that may be gone already.
pub fn remove(file: &Path) -> Outcome {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(file, &error)),
        _ => Ok(()),
    }
}
