//! The whole local system: started in order, stopped in the opposite one.

mod start;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::activity::Activity;
use crate::dynamodb::DynamoDb;
use crate::error::StartError;
use crate::folder::Folder;
use crate::kinesis::Kinesis;
use crate::options::Options;
use crate::permissions::Guard;
use crate::runtime::Runtime;
use crate::template::Model;
use crate::triggers::Checkpoints;

/// How long batches and requests under way may take to end.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// A running local system.
#[derive(Debug)]
pub struct System {
    url: String,
    dynamodb_endpoint: String,
    kinesis_endpoint: String,
    model: Model,
    guard: Arc<Guard>,
    activity: Activity,
    runtime: Arc<Runtime>,
    kinesis: Option<Arc<Kinesis>>,
    checkpoints: Option<Arc<Checkpoints>>,
    dynamodb: Option<DynamoDb>,
    // No new work begins after the first; nothing answers any more after the second.
    closing: watch::Sender<bool>,
    shutdown: watch::Sender<bool>,
    // The mappings and the schedules.
    invokers: Vec<JoinHandle<()>>,
    gateway: JoinHandle<()>,
    // Dropped last: the folder is unlocked when all that writes to it has ended.
    folder: Folder,
}

impl System {
    /// Starts everything, and returns when the gateway answers and all functions are up.
    ///
    /// It runs on the Tokio runtime that it is started on.
    ///
    /// # Errors
    ///
    /// As [`StartError`] lists them. Nothing of the system is left running.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        start::start(options).await
    }

    /// The gateway's URL, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The URL of DynamoDB.
    pub fn dynamodb_endpoint(&self) -> &str {
        &self.dynamodb_endpoint
    }

    /// The URL of Kinesis.
    pub fn kinesis_endpoint(&self) -> &str {
        &self.kinesis_endpoint
    }

    /// The physical name of a table.
    pub fn table(&self, logical_id: &str) -> Option<String> {
        self.model
            .tables
            .iter()
            .find(|table| table.logical_id == logical_id)
            .map(|table| table.name.clone())
    }

    /// The physical name of a stream.
    pub fn stream(&self, logical_id: &str) -> Option<String> {
        self.model
            .streams
            .iter()
            .find(|stream| stream.logical_id == logical_id)
            .map(|stream| stream.name.clone())
    }

    /// The process ids of the functions, with the functions' names.
    pub fn function_pids(&self) -> Vec<(String, u32)> {
        self.runtime.pids()
    }

    /// What the template declares, with the names that this system uses.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Every (function name, action, resource) that the functions used so far, all of them allowed by their policies.
    ///
    /// Only calls to the embedded services and the gateway are seen.
    pub fn used_permissions(&self) -> Vec<(String, String, String)> {
        self.guard.used()
    }

    /// The state folder: a temporary one for an ephemeral system.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Resolves when no record is unfinished, no invocation under way and no event queued.
    ///
    /// On embedded Kinesis this is exact: a record counts from its put until all consumers have finished it. Behind an
    /// endpoint only invocations are seen.
    pub async fn idle(&self) {
        self.activity.idle().await;
    }

    /// Stops cleanly: what is under way ends, within five seconds, then processes are killed and the database closed.
    pub async fn stop(self) {
        self.closing.send_replace(true);
        let under_way = async {
            for invoker in self.invokers {
                let _ = invoker.await;
            }
            let _ = self.gateway.await;
        };
        if tokio::time::timeout(CLOSING_TIME, under_way).await.is_err() {
            tracing::warn!(
                "not all that was under way has ended; it is repeated at the next start"
            );
        }
        self.runtime.stop().await;
        if let Some(kinesis) = &self.kinesis {
            kinesis.save().await;
        }
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.save();
        }
        self.shutdown.send_replace(true);
        if let Some(dynamodb) = self.dynamodb {
            // A client that never ends its request must not keep the system from stopping.
            let _ = tokio::time::timeout(CLOSING_TIME, dynamodb.stop()).await;
        }
        drop(self.folder);
    }
}
