//! What has to be true of every world: each check names what violates it.

mod commands;
mod deadlines;
mod health;
mod reactions;
mod recorded;
mod rows;

use crate::{
    asker::Asker,
    client::Client,
    domain,
    truth::{self, Incoming, Rows, Table},
    world::World,
};
use aws_lambda_events::encodings::Body;
use rewind_aws::{
    audit::report::{Violation, Watch},
    aws::http::Response,
};
pub use rows::Watermarks;
use serde_json::Value;

/// How far the readers have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Invocations were broken off: anywhere at or below the heads.
    Moving,
    /// All has been delivered that was not lost: anywhere at or below the heads.
    Any,
    /// At the heads, where nothing was refused before.
    AllButStalled,
    /// At the heads.
    All,
}

/// A world as it is at one moment.
pub struct Seen {
    pub incoming: Vec<Vec<Incoming>>,
    pub table: Table,
    pub rows: Rows,
    /// Whether the domain refuses nothing any more that can be mended.
    pub is_mended: bool,
}

impl Seen {
    /// Looks at a world in which nothing runs.
    pub async fn look(world: &World) -> Self {
        Self {
            incoming: truth::incoming(world).await,
            rows: truth::rows(world).await,
            table: truth::table(world).await,
            is_mended: domain::is_mended(world.id),
        }
    }

    /// What is wrong with the table and the rows, whatever is still to come.
    pub fn violations(&self, progress: Progress) -> Vec<String> {
        let mut violations = self.table.violations.clone();
        violations.extend(rows::check(&self.table, &self.rows, progress));
        if !self.is_mended {
            violations.extend(reactions::too_early(&self.table));
        }
        violations
    }

    /// What is wrong with what was decided, and with deadlines.
    pub async fn decisions(
        &self,
        world: &World,
        askers: &[Asker],
        progress: Progress,
    ) -> Vec<String> {
        let mut violations = commands::check(world, &self.table, askers, progress).await;
        violations.extend(deadlines::check(world, &self.table, &self.rows, progress));
        violations
    }

    /// What is recorded and was not published.
    pub async fn unpublished(&self, world: &World) -> Vec<String> {
        let published = truth::published(world).await;
        let recorded = self.table.streams.values().flatten();
        let places = recorded.map(truth::Recorded::place);
        let unpublished = places.filter(|place| !published.contains(place));
        unpublished
            .map(|place| format!("recorded and not published: {place}"))
            .collect()
    }

    /// What `/health` says otherwise than it is. `is_over`: pump has taken all
    /// that came in, and has said so.
    pub async fn health(&self, world: &World, is_over: bool) -> Vec<String> {
        health::check(world, self, is_over).await
    }

    /// The same once nothing is left to do: no shard fails.
    pub async fn final_health(&self, world: &World) -> Vec<String> {
        health::check_final(world, self).await
    }

    /// What is wrong once all that came in has been worked off.
    pub fn final_violations(&self, clients: &[Client], progress: Progress) -> Vec<String> {
        let mut violations = self.violations(progress);
        violations.extend(recorded::check(&self.table, &self.incoming, clients));
        if progress == Progress::All {
            violations.extend(reactions::check(&self.table));
        }
        violations
    }
}

/// What `rewind verify` finds, also of claims without an event and of readers
/// that lag behind streams at which they are not stalled.
pub async fn audit(world: &World) -> Vec<String> {
    let mut seen = Found::default();
    let counts = world.audit().run(&mut seen).await.unwrap();
    let lagging = counts.lagging - counts.stalled;
    if counts.orphan_claims > 0 || lagging > 0 {
        let orphans = counts.orphan_claims;
        let told = format!("verify: {orphans} claims without an event, {lagging} readers lag");
        seen.0.push(told);
    }
    seen.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl Watch for Found {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(format!("verify: {violation}"));
    }
    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

/// The JSON of an answer.
pub fn body_of(response: &Response) -> Value {
    match &response.body {
        Some(Body::Text(text)) => serde_json::from_str(text).unwrap(),
        other => panic!("{other:?}"),
    }
}
