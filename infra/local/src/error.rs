//! Why a local system does not start. Each error is one line that says what to do.

use std::path::PathBuf;

use crate::template::TemplateError;

/// Why a local system does not start. Every variant displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on the gateway's port.
    #[error(
        "port {port} of 127.0.0.1 is in use: stop the program that listens there, or choose another with --port"
    )]
    PortInUse {
        /// The port that was asked for.
        port: u16,
    },
    /// The gateway's port cannot be opened for another reason, such as a missing permission.
    #[error("port {port} of 127.0.0.1 cannot be opened ({reason}): choose another with --port")]
    Port {
        /// The port that was asked for.
        port: u16,
        /// What the system call said.
        reason: String,
    },
    /// The state folder cannot be created, read or written.
    #[error("the state folder cannot be written at {} ({reason}): change its permissions, or choose another folder", path.display())]
    FolderNotWritable {
        /// The file or folder that failed.
        path: PathBuf,
        /// What the system call said.
        reason: String,
    },
    /// The disk of the state folder has too little space.
    #[error(
        "the disk is full: {} MB are free at {}, and {} MB are needed; free some space, or choose another folder with --dir",
        free / 1024 / 1024, path.display(), needed / 1024 / 1024
    )]
    DiskFull {
        /// The state folder.
        path: PathBuf,
        /// How many bytes are free on its disk.
        free: u64,
        /// How many bytes must be free.
        needed: u64,
    },
    /// A host in the list of allowed hosts is not valid.
    #[error(
        "`{given}` is not a host that can be allowed: `name` or `name:port` was expected, such as `dev.example:8080`"
    )]
    AllowedHost {
        /// What was given.
        given: String,
    },
    /// Another local system runs on the state folder.
    #[error("the state folder {} is in use by another running local system: stop that one, or choose another folder", path.display())]
    FolderInUse {
        /// The state folder.
        path: PathBuf,
    },
    /// A file of the state folder cannot be read as this system writes it.
    #[error("the state folder is corrupt: {} cannot be read ({reason}); move the folder away to start afresh", path.display())]
    FolderCorrupt {
        /// The file that cannot be read.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A table of the state folder does not fit the template.
    #[error(
        "the table {table} exists with the {what} {found}, but the template declares {declared}: move the state folder away, or undo the change in the template"
    )]
    TableDiffers {
        /// The table's physical name.
        table: String,
        /// Which part differs: key schema or indexes.
        what: &'static str,
        /// What the table has.
        found: String,
        /// What the template has.
        declared: String,
    },
    /// The template is missing or invalid.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The endpoint, embedded or not, refuses to create or describe what the template declares.
    #[error("{resource} cannot be created at {endpoint}: {reason}")]
    Resource {
        /// The resource's physical name.
        resource: String,
        /// The endpoint's URL.
        endpoint: String,
        /// What the endpoint answered.
        reason: String,
    },
    /// A function's process does not ask for work.
    #[error("the process of function {function} does not start ({reason}): see its log {log}")]
    Function {
        /// The function's name.
        function: String,
        /// How it ended, or that it took too long.
        reason: String,
        /// Where its output is.
        log: String,
    },
    /// A part of the local system itself fails, such as a loopback port.
    #[error("the local system cannot start its {part} ({reason})")]
    Part {
        /// The part that fails.
        part: &'static str,
        /// Why.
        reason: String,
    },
}
