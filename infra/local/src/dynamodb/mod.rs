//! DynamoDB in process: `dynoxide`, behind one door that checks permissions.
//!
//! The room knows requests, tables and who may touch them. It does not know what an item means. Nothing else opens the
//! database.

mod door;
mod engine;
mod keys;
mod read;
mod tables;
mod touched;

use std::path::Path;
use std::sync::Arc;

use dynoxide::{Database, DynoxideError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::StartError;
use crate::http::Server;
use crate::net;
use crate::permissions::Guard;
use crate::state::disk::{self, Disk};
use crate::state::folder::{self, Folder};
use crate::state::private;
use engine::Engine;

pub(crate) use tables::create as create_tables;

const FILE: &str = "dynamodb.sqlite";

/// The embedded DynamoDB.
#[derive(Debug)]
pub(crate) struct DynamoDb {
    endpoint: String,
    server: JoinHandle<()>,
}

impl DynamoDb {
    /// Opens the database and serves it until `shutdown` turns true.
    pub fn start(
        folder: &Folder,
        guard: Arc<Guard>,
        disk: &Disk,
        server: &Server,
        shutdown: &watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let engine = Engine::new(open(folder)?, guard);
        let failed = |error: std::io::Error| StartError::Part {
            part: "DynamoDB endpoint",
            reason: error.to_string(),
        };
        let listener = net::listen(0).map_err(failed)?;
        let endpoint = net::url(&listener).map_err(failed)?;
        let (server, shutdown) = (server.clone(), shutdown.clone());
        let app = door::app(engine, disk.clone());
        Ok(Self {
            endpoint,
            server: tokio::spawn(async move { server.serve(listener, app, shutdown).await }),
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Returns when the last request has ended and the database is closed.
    pub async fn stop(self) {
        let _ = self.server.await;
    }
}

fn open(state: &Folder) -> Result<Database, StartError> {
    if state.is_ephemeral() {
        return Database::memory().map_err(|error| StartError::Part {
            part: "DynamoDB",
            reason: error.to_string(),
        });
    }
    let path = state.path().join(FILE);
    check_writable(&path)?;
    let failed = |error: DynoxideError| match error.to_string() {
        reason if reason.contains("disk is full") => disk::full(state.path()),
        reason => StartError::FolderCorrupt {
            path: path.clone(),
            reason,
        },
    };
    let database = Database::new(&path.to_string_lossy()).map_err(failed)?;
    // With these settings no commit waits for an `fsync`. The write-ahead log survives `kill -9` all the same.
    database.disable_bulk_loading().map_err(failed)?;
    // A read of the catalogue finds a damaged file now, and not at the first request.
    database.table_count().map_err(failed)?;
    Ok(database)
}

/// Creates the file, because SQLite would let everybody read it.
fn check_writable(path: &Path) -> Result<(), StartError> {
    private::options()
        .create(true)
        .append(true)
        .open(path)
        .map(drop)
        .map_err(|error| folder::not_writable(path, error))
}
