//! Files and folders that only their owner can read, because they hold events.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;

/// Creates a folder, and the missing folders above it.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// Restricts a folder to its owner.
pub(crate) fn close_folder(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(FOLDER))
}

/// Options to open a file with, which the caller completes.
pub(crate) fn options() -> OpenOptions {
    let mut options = File::options();
    options.mode(FILE);
    options
}

/// Creates an empty file, or empties the one that is there.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    options().write(true).create(true).truncate(true).open(path)
}

/// Writes a whole file in one step: a reader sees all of it, or the file before it. A failure leaves no half file.
///
/// # Errors
///
/// When the file, or the temporary file beside it, cannot be written.
pub fn write_private(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    let half = half(path);
    let written = create(&half)
        .and_then(|mut file| file.write_all(content.as_ref()))
        .and_then(|()| fs::rename(&half, path));
    if written.is_err() {
        let _ = fs::remove_file(&half);
    }
    written
}

fn half(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".half");
    path.with_file_name(name)
}
