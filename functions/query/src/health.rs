//! `GET /health`: stalled streams and running playbacks.

use crate::handler::{Handler, Unanswered};
use rewind_aws::{
    http::{self, Response},
    playback::{self, Playback, Shown},
    stalls::{self, Stall},
};
use serde::Serialize;

/// The most stalled streams that are named; there may be more.
const MAX_STALLS: i32 = 100;

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    stalled: Vec<Stall>,
    /// Whether more streams are stalled than are named.
    more_stalled: bool,
    playbacks: Vec<Shown<'a>>,
}

impl Handler {
    pub(crate) async fn health(&self) -> Result<Response, Unanswered> {
        let (stalled, more) = stalls::list(&self.store, None, None, MAX_STALLS).await?;
        let mut running: Vec<Playback> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, next) = playback::list(&self.store, after.as_deref(), 100).await?;
            let page = page.into_iter();
            running.extend(page.filter(|playback| !playback.state.is_over()));
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let health = Health {
            status: if stalled.is_empty() { "ok" } else { "stalled" },
            stalled,
            more_stalled: more.is_some(),
            playbacks: running.iter().map(Playback::shown).collect(),
        };
        Ok(http::json(200, &health))
    }
}
