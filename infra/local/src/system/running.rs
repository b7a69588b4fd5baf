//! A running system: what it tells, and how it stops.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::activity::Activity;
use crate::dynamodb::DynamoDb;
use crate::kinesis::Kinesis;
use crate::permissions::Guard;
use crate::runtime::Runtime;
use crate::state::folder::Folder;
use crate::template::Model;
use crate::triggers::Checkpoints;

/// How long batches and requests under way may take to end after a stop.
const CLOSING_TIME: Duration = Duration::from_secs(5);

/// A running local system.
#[derive(Debug)]
pub struct System {
    pub(super) url: String,
    pub(super) dynamodb_endpoint: String,
    pub(super) kinesis_endpoint: String,
    pub(super) model: Model,
    pub(super) guard: Arc<Guard>,
    pub(super) activity: Activity,
    pub(super) runtime: Arc<Runtime>,
    pub(super) kinesis: Option<Arc<Kinesis>>,
    pub(super) checkpoints: Option<Arc<Checkpoints>>,
    pub(super) dynamodb: Option<DynamoDb>,
    // No new work begins after `closing`; nothing answers after `shutdown`.
    pub(super) closing: watch::Sender<bool>,
    pub(super) shutdown: watch::Sender<bool>,
    // The mappings and the schedules.
    pub(super) invokers: Vec<JoinHandle<()>>,
    pub(super) gateway: JoinHandle<()>,
    // Dropped last: everything that writes to the folder ends before the folder is unlocked.
    pub(super) folder: Folder,
}

impl System {
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

    /// Every (function name, action, resource) that the functions have used so far. Their policies allow all of them.
    ///
    /// It covers the embedded services and the gateway, but no endpoint outside.
    pub fn used_permissions(&self) -> Vec<(String, String, String)> {
        self.guard.used()
    }

    /// The state folder: a temporary one for an ephemeral system.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Resolves when no record is unfinished, no invocation under way and no event queued.
    ///
    /// It is exact for the embedded Kinesis: a record counts from its put until all consumers have finished it. For
    /// streams behind an endpoint it covers invocations only.
    pub async fn idle(&self) {
        self.activity.idle().await;
    }

    /// Stops the system. Work under way has five seconds to end; then processes are killed and the database is closed.
    pub async fn stop(self) {
        self.closing.send_replace(true);
        let under_way = async {
            for invoker in self.invokers {
                let _ = invoker.await;
            }
            let _ = self.gateway.await;
        };
        if tokio::time::timeout(CLOSING_TIME, under_way).await.is_err() {
            tracing::warn!("some work under way has not ended; it is repeated at the next start");
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
            // A client that never ends its request must not prevent the stop.
            let _ = tokio::time::timeout(CLOSING_TIME, dynamodb.stop()).await;
        }
        drop(self.folder);
    }
}
