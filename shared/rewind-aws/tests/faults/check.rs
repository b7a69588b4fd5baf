//! What has to be true of every world: each check names what violates it.

mod health;
mod reactions;
mod recorded;
mod rows;

use crate::{
    client::Client,
    domain,
    truth::{self, Incoming, Rows, Table},
    world::World,
};
pub use health::failing;
pub use rows::Watermarks;

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

    /// What `/health` says otherwise than it is. `is_over`: pump has taken all
    /// that came in, and has said so.
    pub async fn health(&self, world: &World, is_over: bool) -> Vec<String> {
        health::check(world, self, is_over).await
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
