//! The state folder, and the lock that keeps a second system out.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::{disk, private};
use crate::error::StartError;
use crate::options::State;

/// The file that is locked while a system runs.
const LOCK: &str = "lock";

/// The state folder of a running system.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    is_ephemeral: bool,
    // Open as long as the system runs. The operating system releases the lock, whatever ends the process.
    _lock: Option<File>,
}

impl Folder {
    /// Creates the folder if it is missing, and locks it.
    pub fn open(state: &State) -> Result<Self, StartError> {
        match state {
            State::Folder(path) => {
                let is_new = !path.exists();
                make(path)?;
                // Paths of logs and dead letters in messages are absolute, so they are right in any working folder.
                let path = path
                    .canonicalize()
                    .map_err(|error| not_writable(path, error))?;
                let was_used = path.join(LOCK).exists();
                let lock = lock(&path)?;
                // A folder that existed and was never a state folder keeps its permissions. What is created in it is private.
                if is_new || was_used {
                    private::close_folder(&path).map_err(|error| not_writable(&path, error))?;
                }
                Ok(Self {
                    path,
                    is_ephemeral: false,
                    _lock: Some(lock),
                })
            }
            State::Ephemeral => {
                let path = std::env::temp_dir().join(format!("local-{}", uuid::Uuid::now_v7()));
                make(&path)?;
                Ok(Self {
                    path,
                    is_ephemeral: true,
                    _lock: None,
                })
            }
        }
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is removed at the end.
    pub fn is_ephemeral(&self) -> bool {
        self.is_ephemeral
    }

    /// A folder inside of it, created if it is missing; [`None`] when nothing is kept.
    pub fn kept(&self, name: &str) -> Result<Option<PathBuf>, StartError> {
        if self.is_ephemeral {
            return Ok(None);
        }
        let path = self.path.join(name);
        make(&path)?;
        Ok(Some(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_ephemeral {
            // A folder that stays behind in the temporary directory does no harm.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn make(path: &Path) -> Result<(), StartError> {
    private::make_folder(path).map_err(|error| not_writable(path, error))
}

fn lock(path: &Path) -> Result<File, StartError> {
    let file_path = path.join(LOCK);
    let file = private::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file_path)
        .map_err(|error| not_writable(&file_path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::FolderInUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(not_writable(&file_path, error)),
    }
}

/// The start error for a failed system call on a path of the state folder.
pub(crate) fn not_writable(path: &Path, error: std::io::Error) -> StartError {
    if disk::is_of_space(&error) {
        return disk::full(path.parent().unwrap_or(path));
    }
    StartError::FolderNotWritable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
