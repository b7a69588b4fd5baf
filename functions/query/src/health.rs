//! `GET /health`: whether every reader moves, and if not, which one and why.

use crate::sources::{Sources, Unanswered};
use rewind_aws::{
    audit::health::{self, Health, Scope},
    aws::http::{self, Response},
    playback::{
        record::{self, Playback},
        shown::Shown,
    },
};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub(crate) struct Answer<'a> {
    #[serde(flatten)]
    health: Health,
    /// The playbacks that are not over.
    playbacks: Vec<Shown<'a>>,
}

impl Sources {
    pub(crate) async fn health(&self) -> Result<Response, Unanswered> {
        let health = health::look(Scope {
            service: &self.service,
            events: &self.events,
            store: &self.store,
            incoming: &self.incoming,
            patience: self.patience,
        });
        let health = health.await?;
        let running = record::running(&self.store).await?;
        let playbacks = running.iter().map(Playback::shown).collect();
        Ok(http::json(200, &Answer { health, playbacks }))
    }
}
