//! `GET /projections/{name}/{key}`: one row, as it is.

use crate::{
    handler::{Handler, Unanswered},
    past::Moment,
};
use rewind::{MAX_ROW_KEY, Over, Projection, Target};
use rewind_aws::{
    aws::http::{self, Parameters, Response, bad_parameter, missing},
    data_table::data_store::{Key, Row},
    generation::lifecycle,
};
use serde::Serialize;
use serde_json::Value;

#[derive(Serialize)]
pub(crate) struct Shown {
    pub(crate) key: String,
    /// Up to which version of its stream it holds; only over one stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) watermark: Option<u64>,
    pub(crate) state: Value,
    /// Why the next event is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stalled: Option<String>,
}

impl Handler {
    /// The row of a key.
    pub(crate) async fn row(
        &self,
        parameters: &Parameters,
        key: &str,
    ) -> Result<Response, Unanswered> {
        let projection = self.projection(parameters)?;
        if !(1..=MAX_ROW_KEY).contains(&key.len()) {
            let why = format!("expected 1 to {MAX_ROW_KEY} bytes");
            return Err(bad_parameter("key", why).into());
        }
        if let Some(moment) = Moment::of(parameters)? {
            return self.row_then(projection, key, moment).await;
        }
        let target = self.target(projection, parameters).await?;
        let row = self.store.get(&Key::row(&target, key)).await?;
        let row = row.and_then(|row| shown(projection, key.to_string(), row));
        let Some(row) = row else {
            let name = projection.name;
            return Err(missing("key", format!("{name} has no row {key:?}")).into());
        };
        Ok(http::json(200, &row))
    }

    /// The projection that a request names.
    pub(crate) fn projection(&self, parameters: &Parameters) -> Result<&Projection, Unanswered> {
        let name = parameters.path("name");
        let projection = self.service.projection(name);
        let unknown = || missing("name", format!("there is no projection {name:?}"));
        Ok(projection.ok_or_else(unknown)?)
    }

    /// The generation that a request asks for: without a word, the one that
    /// serves.
    pub(crate) async fn target(
        &self,
        projection: &Projection,
        parameters: &Parameters,
    ) -> Result<Target, Unanswered> {
        let name = projection.name;
        let asked = parameters.number("generation", 1..=u64::MAX)?;
        let known = lifecycle::of(&self.store, name).await?;
        let generation = asked.unwrap_or(known.serving);
        if !known.takes(generation) {
            let why = format!("{name} has no generation {generation}");
            return Err(missing("generation", why).into());
        }
        Ok(Target {
            projection: name.to_string(),
            generation,
        })
    }
}

/// A row as readers see it. One that only says why its first event is not in
/// it has nothing to show.
pub(crate) fn shown(projection: &Projection, key: String, row: Row) -> Option<Shown> {
    let is_single = projection.over == Over::OneStream;
    Some(Shown {
        key,
        watermark: is_single.then_some(row.watermark),
        state: row.state?,
        stalled: row.stalled,
    })
}
