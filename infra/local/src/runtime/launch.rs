//! What function processes are started with.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::environment::{self, Endpoints};
use super::log::Log;
use crate::http::Server;
use crate::options::Worker;
use crate::state::disk::Disk;
use crate::template::Function;

/// What the processes of all functions are started with.
#[derive(Debug)]
pub(crate) struct Launch {
    /// The program, and its arguments before the function's name.
    pub worker: Worker,
    /// The endpoints that the functions call.
    pub endpoints: Endpoints,
    /// Variables that the caller of the local system adds.
    pub extra_env: Vec<(String, String)>,
    /// The folder of the functions' logs. Without one, no output is kept.
    pub logs: Option<PathBuf>,
    /// The disk of the logs.
    pub disk: Disk,
    /// How the Runtime API is served.
    pub server: Server,
    /// Turns true when everything stops.
    pub shutdown: watch::Receiver<bool>,
}

/// What the processes of one function are started with.
#[derive(Debug)]
pub(super) struct Program {
    pub function: Function,
    pub launch: Arc<Launch>,
    /// Where the function's output is kept.
    pub log: Option<Arc<Log>>,
    // The URL of the function's processes in the Runtime API; each process adds its number.
    runtime_url: String,
}

impl Program {
    pub fn new(function: Function, launch: Arc<Launch>, runtime_url: String) -> Self {
        let log = launch
            .logs
            .as_ref()
            .map(|folder| Log::of(folder, &function.name, launch.disk.clone()));
        Self {
            function,
            launch,
            log,
            runtime_url,
        }
    }

    /// The environment of the process with this number.
    pub fn environment(&self, id: u64) -> Vec<(String, std::ffi::OsString)> {
        environment::of(
            &self.function,
            &format!("{}/{id}", self.runtime_url),
            &self.launch.endpoints,
            &self.launch.extra_env,
        )
    }

    /// Where the function's output is found, for people.
    pub fn log_name(&self) -> String {
        match &self.log {
            Some(log) => log.path().display().to_string(),
            None => "(none: set RUST_LOG to see it)".to_owned(),
        }
    }
}
