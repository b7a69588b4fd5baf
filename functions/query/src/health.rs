//! `GET /health`: stalled streams and running playbacks.

use crate::handler::{Handler, Unanswered};
use rewind_aws::{
    http::{self, Response},
    playback::{self, Playback},
    stalls::{self, Stall},
};
use serde::Serialize;

/// The most stalled streams that are named; there may be more.
const MAX_STALLS: i32 = 100;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    stalled: Vec<Stall>,
    /// Whether more streams are stalled than are named.
    more_stalled: bool,
    playbacks: Vec<Playback>,
}

impl Handler {
    pub(crate) async fn health(&self) -> Result<Response, Unanswered> {
        let (stalled, more) = stalls::list(&self.store, None, None, MAX_STALLS).await?;
        let mut playbacks = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, next) = playback::list(&self.store, after.as_deref(), 100).await?;
            let running = page
                .into_iter()
                .filter(|playback| !playback.state.is_over());
            playbacks.extend(running);
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let health = Health {
            status: if stalled.is_empty() { "ok" } else { "stalled" },
            stalled,
            more_stalled: more.is_some(),
            playbacks,
        };
        Ok(http::json(200, &health))
    }
}
