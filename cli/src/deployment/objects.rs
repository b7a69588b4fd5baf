//! The objects of the bucket of dead letters. A local system keeps them as files.

use crate::end::End;
use rewind_aws::aws::bucket::Bucket;
use std::{
    io::ErrorKind,
    path::{Component, Path, PathBuf},
};

/// Where the objects are.
pub enum Objects {
    /// Files below a folder.
    Folder(PathBuf),
    /// A bucket of S3.
    Bucket(Box<Bucket>),
}

impl Objects {
    /// The objects of the local system of a folder.
    pub fn of_local_system(dir: &Path) -> Self {
        Self::Folder(dir.join("dead-letters"))
    }

    /// Reads an object. `None` where there is none of this key.
    ///
    /// # Errors
    ///
    /// When the file or the bucket cannot be read.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, End> {
        let folder = match self {
            Self::Bucket(bucket) => return Ok(bucket.get(key).await?),
            Self::Folder(folder) => folder,
        };
        let mut parts = Path::new(key).components();
        if !parts.all(|part| matches!(part, Component::Normal(_))) {
            return Ok(None);
        }
        let path = folder.join(key);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(End::Failed(format!("{}: {error}", path.display()))),
        }
    }
}
