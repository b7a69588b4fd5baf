//! DynamoDB in process: `dynoxide`, behind a front that checks permissions.

mod front;
mod tables;

use std::path::Path;
use std::sync::Arc;

use dynoxide::Database;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::StartError;
use crate::folder::Folder;
use crate::net;
use crate::permissions::Guard;
use crate::shutdown::stopped;

pub(crate) use tables::create as create_tables;

const FILE: &str = "dynamodb.sqlite";

/// The embedded DynamoDB.
#[derive(Debug)]
pub(crate) struct DynamoDb {
    endpoint: String,
    servers: Vec<JoinHandle<()>>,
}

impl DynamoDb {
    /// Opens the database and serves it until `shutdown` turns true.
    pub fn start(
        folder: &Folder,
        guard: Arc<Guard>,
        shutdown: &watch::Receiver<bool>,
    ) -> Result<Self, StartError> {
        let database = open(folder)?;
        let failed = |error: std::io::Error| StartError::Part {
            part: "DynamoDB endpoint",
            reason: error.to_string(),
        };
        let inner = net::listen(0).map_err(failed)?;
        let inner_url = net::url(&inner).map_err(failed)?;
        let listener = net::listen(0).map_err(failed)?;
        let endpoint = net::url(&listener).map_err(failed)?;
        let ending = stopped(shutdown.clone());
        let database = tokio::spawn(async move {
            if let Err(error) = dynoxide::server::serve_with_shutdown(inner, database, ending).await
            {
                tracing::error!(error, "DynamoDB ended");
            }
        });
        let front = tokio::spawn(front::serve(
            listener,
            inner_url,
            guard,
            stopped(shutdown.clone()),
        ));
        Ok(Self {
            endpoint,
            servers: vec![front, database],
        })
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Resolves when the last request has ended and the database is closed.
    pub async fn stop(self) {
        for server in self.servers {
            let _ = server.await;
        }
    }
}

fn open(folder: &Folder) -> Result<Database, StartError> {
    if folder.is_ephemeral() {
        return Database::memory().map_err(|error| StartError::Part {
            part: "DynamoDB",
            reason: error.to_string(),
        });
    }
    let path = folder.path().join(FILE);
    check_writable(&path)?;
    let corrupt = |error: dynoxide::DynoxideError| StartError::FolderCorrupt {
        path: path.clone(),
        reason: error.to_string(),
    };
    let database = Database::new(&path.to_string_lossy()).map_err(corrupt)?;
    // The settings after bulk loading: no fsync at each commit. The write-ahead log survives `kill -9` all the same.
    database.disable_bulk_loading().map_err(corrupt)?;
    // A read of the catalogue finds out now, in one line, what would fail each request later.
    database.table_count().map_err(corrupt)?;
    Ok(database)
}

fn check_writable(path: &Path) -> Result<(), StartError> {
    std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .map(drop)
        .map_err(|error| crate::folder::not_writable(path, error))
}
