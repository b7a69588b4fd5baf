//! Lambda: the functions as processes that speak the Lambda Runtime API.
//!
//! The room knows processes, invocations and the payload limits of Lambda. It does not know who invokes, what a payload
//! means, or what a function does. From the bottom up:
//!
//! - `outcome`, `invocation`: what is asked and what is answered;
//! - `log`, `environment`, `launch`: what processes are started with;
//! - `process`, `child`: one process and its invocation, and its life in the operating system;
//! - `dispatch`, `pool`: all processes of one function, decided and carried out;
//! - `api`: the Runtime API, where a process asks for work and answers.

mod api;
mod child;
mod dispatch;
mod environment;
mod invocation;
mod launch;
mod log;
mod outcome;
mod pool;
mod process;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{join_all, try_join_all};

use crate::activity::Activity;
use crate::error::StartError;
use crate::net;
use crate::template::Function;
use api::Pools;
use launch::Program;
use pool::Pool;

pub(crate) use environment::Endpoints;
pub(crate) use invocation::{By, MAXIMUM_EVENT, MAXIMUM_PAYLOAD};
pub(crate) use launch::Launch;
pub(crate) use outcome::{Failure, Outcome, Reply, Streamed};

/// How long the first process of a function may take to ask for work.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// All functions of the system.
#[derive(Debug)]
pub(crate) struct Runtime {
    pools: Arc<Pools>,
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
        let launch = Arc::new(launch);
        let pools = functions.iter().map(|function| {
            let url = api::url_of(&url, &function.logical_id);
            let program = Program::new(function.clone(), launch.clone(), url);
            let pool = Pool::new(program, activity.clone());
            (function.logical_id.clone(), pool)
        });
        let pools: Arc<Pools> = Arc::new(pools.collect());
        tokio::spawn(api::serve(
            listener,
            launch.server.clone(),
            pools.clone(),
            launch.shutdown.clone(),
        ));
        let runtime = Self { pools };
        let starts = runtime
            .pools
            .values()
            .map(|pool| pool.start_first(START_TIMEOUT));
        match try_join_all(starts).await {
            Ok(_) => Ok(runtime),
            Err(error) => {
                runtime.stop().await;
                Err(error)
            }
        }
    }

    /// Invokes a function by its logical id, and waits for its whole answer.
    pub async fn invoke(&self, by: By, function: &str, payload: Bytes) -> Outcome {
        match self.invoke_streaming(by, function, payload).await {
            Reply::Ended(outcome) => outcome,
            Reply::Streamed(answer) => Outcome::Success(answer.collected().await),
        }
    }

    /// Invokes a function by its logical id, and waits until its answer begins.
    pub async fn invoke_streaming(&self, by: By, function: &str, payload: Bytes) -> Reply {
        match self.pools.get(function) {
            Some(pool) => pool.invoke(by, payload).await,
            None => Outcome::Failure(Failure::new(
                "ResourceNotFoundException",
                &format!("there is no {function}"),
            ))
            .into(),
        }
    }

    /// The function with this name, ARN, logical id or binary's name.
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

    /// The function name and process id of each process that runs.
    pub fn pids(&self) -> Vec<(String, u32)> {
        let pids = self.pools.values().flat_map(|pool| {
            let name = pool.function().name.clone();
            let processes = pool.processes().into_iter();
            processes.map(move |process| (name.clone(), process.pid.load(Ordering::Relaxed)))
        });
        let mut pids: Vec<(String, u32)> = pids.filter(|(_, pid)| *pid != 0).collect();
        pids.sort();
        pids
    }

    /// Kills all processes, and returns when they are gone.
    pub async fn stop(&self) {
        join_all(self.pools.values().map(|pool| pool.stop())).await;
    }
}
