//! What function processes are started with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::environment::{self, Endpoints};
use super::log::{Log, LogFile};
use crate::clock;
use crate::http::Server;
use crate::options::{Observed, Observer, Worker};
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
    /// Who is told what the functions do.
    pub observer: Option<Observer>,
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
    /// Where the function's output goes.
    pub log: Option<Arc<Log>>,
    // The URL of the function's processes in the Runtime API; each process adds its number.
    runtime_url: String,
}

impl Program {
    pub fn new(function: Function, launch: Arc<Launch>, runtime_url: String) -> Self {
        let kept = launch.logs.as_ref();
        let file = kept.map(|folder| LogFile::of(folder, &function.name, launch.disk.clone()));
        let observer = launch.observer.clone();
        let is_heard = file.is_some() || observer.is_some();
        let log = is_heard.then(|| Arc::new(Log::new(file, &function.binary, observer)));
        Self {
            function,
            launch,
            log,
            runtime_url,
        }
    }

    /// Tells who observes the functions.
    pub fn observed(&self, observed: Observed<'_>) {
        if let Some(observer) = &self.launch.observer {
            observer.tell(&self.function.binary, observed);
        }
    }

    /// The environment of the process with this number.
    pub fn environment(&self, id: u64) -> Vec<(String, std::ffi::OsString)> {
        environment::of(
            &self.function,
            &format!("{}/{id}", self.runtime_url),
            &version(&self.launch.worker.program),
            &self.launch.endpoints,
            &self.launch.extra_env,
        )
    }

    /// Where the function's output is found, for people.
    pub fn log_name(&self) -> String {
        match self.log.as_ref().and_then(|log| log.path()) {
            Some(path) => path.display().to_string(),
            None => "(none: set RUST_LOG to see it)".to_owned(),
        }
    }
}

/// What stands for the version of a function here: when its program was built.
fn version(program: &Path) -> String {
    let changed = fs::metadata(program).and_then(|metadata| metadata.modified());
    match changed {
        Ok(time) => clock::whole_seconds(clock::ms(time)),
        Err(_) => "$LATEST".to_owned(),
    }
}
