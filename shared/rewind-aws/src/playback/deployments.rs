//! Deployments: each version of the functions is noted once.

use super::{operations::What, player::Player};
use crate::{
    aws::clock::now,
    data_table::{record::Records, row::Written},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

static DEPLOYMENTS: Records<Deployment> = Records::new("rewind#deployments");

/// A version that has run.
#[derive(Debug, Serialize, Deserialize)]
struct Deployment {
    /// When it was noted.
    time: Timestamp,
}

impl Player {
    /// Puts the deployment of a version on the list of operations, unless a
    /// process has done so before: of this version, or of one that runs beside it.
    /// It has happened already: where it cannot be noted, the log says so.
    pub async fn note_deployment(&self, version: &str) {
        let deployment = Deployment { time: now() };
        let saved = DEPLOYMENTS.save(&self.store, version, &deployment, 0);
        match saved.await {
            Ok(Written::Done) => {
                let about = format!("version {version}");
                self.note(What::Deployed, about, None).await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, version, "a deployment is not noted"),
        }
    }
}
