//! Secrets in a file: of a local system, never of a deployment.

use super::secret::Secret;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

/// A JSON object of secrets by their names, each a text, or an object
/// whose JSON is the text. It is read again when it has changed.
#[derive(Debug)]
pub(super) struct SecretsFile {
    path: PathBuf,
    read: Mutex<Option<Read>>,
}

#[derive(Debug)]
struct Read {
    /// When the file was written last, and its length.
    of: (SystemTime, u64),
    secrets: BTreeMap<String, Secret>,
}

impl SecretsFile {
    pub fn new(path: PathBuf) -> Self {
        let read = Mutex::default();
        Self { path, read }
    }

    /// The secret of this name.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or has no such secret. The reason shows
    /// nothing of what the file holds.
    pub fn get(&self, name: &str) -> Result<Secret, String> {
        let of_file = |why: String| format!("{}: {why}", self.path.display());
        let found = fs::metadata(&self.path).and_then(|found| Ok((found.modified()?, found.len())));
        let of = found.map_err(|error| of_file(error.to_string()))?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.as_ref().is_none_or(|read| read.of != of) {
            let secrets = self.read().map_err(of_file)?;
            *read = Some(Read { of, secrets });
        }
        let secret = read.as_ref().and_then(|read| read.secrets.get(name));
        let secret = secret.cloned();
        secret.ok_or_else(|| of_file(format!("there is no secret {name}")))
    }

    /// Forgets what was read of the file.
    pub fn forget(&self) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn read(&self) -> Result<BTreeMap<String, Secret>, String> {
        let text = fs::read_to_string(&self.path).map_err(|error| error.to_string())?;
        // Serde's error would show a value.
        let wrong = || r#"expected an object of texts, such as {"payments": "…"}"#.to_string();
        let secrets: BTreeMap<String, Value> = serde_json::from_str(&text).map_err(|_| wrong())?;
        let secrets = secrets.into_iter().map(|(name, secret)| match secret {
            Value::String(text) => Ok((name, Secret::new(&text))),
            Value::Object(_) => Ok((name, Secret::new(&secret.to_string()))),
            _ => Err(wrong()),
        });
        secrets.collect()
    }
}
