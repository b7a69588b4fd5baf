//! Lambda: the functions as real processes that speak the Lambda Runtime API.

mod api;
mod environment;
mod lifecycle;
mod log;
mod outcome;
mod pool;
mod process;
mod worker;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{join_all, try_join_all};
use tokio::sync::watch;

use crate::activity::Activity;
use crate::disk::Disk;
use crate::error::StartError;
use crate::http::Server;
use crate::net;
use crate::options::Worker as Program;
use crate::template::Function;

pub(crate) use environment::Endpoints;
pub(crate) use outcome::{Failure, Outcome};
use pool::Pool;
use worker::Workers;

/// The most that a function is invoked with, and the most that it answers. Source: Lambda quotas, 6 MB.
pub(crate) const MAXIMUM_PAYLOAD: usize = 6 * 1024 * 1024;
/// The most of an asynchronous event. Source: Lambda quotas, 1 MB.
pub(crate) const MAXIMUM_EVENT: usize = 1024 * 1024;

/// How long the first process of a function may take to ask for work.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// All functions of the system.
#[derive(Debug)]
pub(crate) struct Runtime {
    pools: HashMap<String, Arc<Pool>>,
    workers: Arc<Workers>,
}

/// What function processes are started with.
#[derive(Debug)]
pub(crate) struct Launch {
    /// The program and its arguments before the function's name.
    pub program: Program,
    /// The endpoints that the functions call.
    pub endpoints: Endpoints,
    /// Variables of the caller's own.
    pub extra_env: Vec<(String, String)>,
    /// Where the functions' output goes; nowhere when absent.
    pub logs: Option<PathBuf>,
    /// The disk that the output is written to.
    pub disk: Disk,
    /// How the Runtime API is served.
    pub server: Server,
    /// Turns true when everything stops.
    pub shutdown: watch::Receiver<bool>,
}

impl Runtime {
    /// Starts one process of each function, and returns when all of them ask for work.
    pub async fn start(
        functions: &[Function],
        launch: Launch,
        activity: &Activity,
    ) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| StartError::Part {
            part: "Lambda runtime",
            reason: error.to_string(),
        };
        let listener = net::listen(0).map_err(failed)?;
        let url = net::url(&listener).map_err(failed)?;
        let workers = Arc::new(Workers::default());
        tokio::spawn(api::serve(
            listener,
            launch.server.clone(),
            workers.clone(),
            launch.shutdown.clone(),
        ));
        let launch = Arc::new(launch);
        let pools: HashMap<String, Arc<Pool>> = functions
            .iter()
            .map(|function| {
                let pool = Pool::new(
                    function.clone(),
                    url.clone(),
                    launch.clone(),
                    workers.clone(),
                    activity.clone(),
                );
                (function.logical_id.clone(), pool)
            })
            .collect();
        let runtime = Self { pools, workers };
        match try_join_all(
            runtime
                .pools
                .values()
                .map(|pool| pool.start_first(START_TIMEOUT)),
        )
        .await
        {
            Ok(_) => Ok(runtime),
            Err(error) => {
                runtime.stop().await;
                Err(error)
            }
        }
    }

    /// Invokes a function by its logical id, and waits for its answer.
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Outcome {
        match self.pools.get(function) {
            Some(pool) => pool.invoke(payload).await,
            None => Outcome::Failure(Failure::new(
                "ResourceNotFoundException",
                &format!("there is no {function}"),
            )),
        }
    }

    /// The logical id of the function that a name, an ARN, a logical id or a binary's name stands for.
    pub fn find(&self, name: &str) -> Option<&Function> {
        let name = name
            .rsplit_once(":function:")
            .map_or(name, |(_, name)| name);
        let name = name.split(':').next().unwrap_or(name);
        let functions = || self.pools.values().map(|pool| pool.function());
        functions()
            .find(|function| function.name == name || function.logical_id == name)
            .or_else(|| functions().find(|function| function.binary == name))
    }

    /// The function with a logical id.
    pub fn function(&self, logical_id: &str) -> Option<&Function> {
        self.pools.get(logical_id).map(|pool| pool.function())
    }

    /// The processes that run, with their functions' names.
    pub fn pids(&self) -> Vec<(String, u32)> {
        self.workers.pids()
    }

    /// Kills all processes, and returns when they are gone.
    pub async fn stop(&self) {
        join_all(self.pools.values().map(|pool| pool.stop())).await;
    }
}
