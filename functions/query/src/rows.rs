//! `GET /projections`, `/projections/{name}` and `/projections/{name}/{key}`.

use crate::{
    cursor::{decode, encode},
    handler::{Handler, MAX_ANSWER, Unanswered},
    past::Moment,
};
use rewind::{Over, Problem, Projection, Target};
use rewind_aws::{
    data_store::{self, Key, Row},
    generations::{self, Generations},
    http::{self, Request, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize)]
struct Definition<'a> {
    name: &'a str,
    version: u32,
    over: &'static str,
    categories: &'a [&'static str],
    /// Whether what serves was begun with another version of the projection.
    rebuild_due: bool,
    generations: Generations,
}

#[derive(Serialize)]
struct Rows<'a> {
    projection: &'a str,
    generation: u64,
    rows: Vec<Shown>,
    /// What `cursor` is for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

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

/// Where a page ended.
#[derive(Serialize, Deserialize)]
struct Cursor {
    generation: u64,
    partition: usize,
    after: Option<String>,
}

impl Handler {
    pub(crate) async fn projections(&self) -> Result<Response, Unanswered> {
        let known = generations::all(&self.store).await?;
        let projections = self.service.projections().iter();
        let projections = projections.map(|projection| Definition {
            name: projection.name,
            version: projection.version,
            over: match projection.over {
                Over::OneStream => "one stream",
                Over::ManyStreams => "many streams",
            },
            categories: projection.categories,
            rebuild_due: known
                .get(projection.name)
                .is_some_and(|known| known.is_rebuild_due(projection.version)),
            generations: known.get(projection.name).cloned().unwrap_or_default(),
        });
        let projections: Vec<_> = projections.collect();
        Ok(http::json(200, &json!({ "projections": projections })))
    }

    pub(crate) async fn rows(&self, request: &Request) -> Result<Response, Unanswered> {
        let (projection, mut target) = self.serving(request).await?;
        let limit = http::query_number(request, "limit", 1..=1000, 100)? as usize;
        let prefix = http::query(request, "prefix").unwrap_or_default();
        let partitions: Vec<String> = match prefix.split_once('/') {
            // Rows whose keys share what stands before the `/` lie together.
            Some((group, _)) => vec![data_store::prefix_partition(&target, group)],
            None => data_store::row_partitions(&target).collect(),
        };
        let mut cursor = match http::query(request, "cursor") {
            Some(text) => cursor(text, partitions.len())?,
            None => Cursor {
                generation: target.generation,
                partition: 0,
                after: None,
            },
        };
        if cursor.generation != target.generation {
            // Rows of two generations must not meet in one listing.
            let mut problem = Problem::new(
                410,
                "cursor-outdated",
                "the projection was rebuilt meanwhile: begin again without a cursor",
            );
            problem.field = Some("cursor".into());
            return Err(problem.into());
        }
        target.generation = cursor.generation;
        let mut rows: Vec<Shown> = Vec::new();
        let mut bytes = 0;
        while cursor.partition < partitions.len() && rows.len() < limit && bytes < MAX_ANSWER {
            let partition = &partitions[cursor.partition];
            // A page of DynamoDB ends at 1 MB, so that the answer stays below 6.
            let page = (limit - rows.len()) as i32;
            let after = cursor.after.as_deref();
            let (items, next) = self.store.list(partition, prefix, after, page).await?;
            for item in items {
                let (key, row) = data_store::row(item)?;
                bytes += row
                    .state
                    .as_ref()
                    .map_or(0, |state| state.to_string().len())
                    + 128;
                rows.extend(shown(projection, key.sk, row));
            }
            match next {
                Some(after) => cursor.after = Some(after),
                None => {
                    cursor.after = None;
                    cursor.partition += 1;
                }
            }
        }
        let next = (cursor.partition < partitions.len()).then(|| encode(&cursor));
        Ok(http::json(
            200,
            &Rows {
                projection: projection.name,
                generation: target.generation,
                rows,
                next,
            },
        ))
    }

    pub(crate) async fn row(&self, request: &Request) -> Result<Response, Unanswered> {
        let (projection, target) = self.serving(request).await?;
        let key = http::path(request, "key");
        if let Some(moment) = Moment::of(request)? {
            return self.row_then(projection, key, moment).await;
        }
        let row = match key.len() {
            1..=rewind::projection::MAX_ROW_KEY => self.store.get(&Key::row(&target, key)).await?,
            _ => None,
        };
        let row = row.and_then(|row| shown(projection, key.to_string(), row));
        let Some(row) = row else {
            let name = projection.name;
            return Err(Problem::not_found(format!("{name} has no row {key:?}")).into());
        };
        Ok(http::json(200, &row))
    }

    /// The projection that a request names.
    pub(crate) fn projection(&self, request: &Request) -> Result<&Projection, Problem> {
        let name = http::path(request, "name");
        let projection = self.service.projection(name);
        projection.ok_or_else(|| Problem::not_found(format!("there is no projection {name:?}")))
    }

    /// The projection that a request names, and the generation that it asks
    /// for: without a word, the one that serves.
    async fn serving(&self, request: &Request) -> Result<(&Projection, Target), Unanswered> {
        let projection = self.projection(request)?;
        let name = projection.name;
        let generations = generations::of(&self.store, name).await?;
        let serving = generations.serving;
        let generation = http::query_number(request, "generation", 1..=u64::MAX, serving)?;
        if !generations.takes(generation) {
            let why = format!("{name} has no generation {generation}");
            return Err(Problem::not_found(why).into());
        }
        let target = Target {
            projection: name.to_string(),
            generation,
        };
        Ok((projection, target))
    }
}

/// A row as readers see it. One that only says why its first event is not in
/// it has nothing to show.
fn shown(projection: &Projection, key: String, row: Row) -> Option<Shown> {
    let is_single = projection.over == Over::OneStream;
    Some(Shown {
        key,
        watermark: is_single.then_some(row.watermark),
        state: row.state?,
        stalled: row.stalled,
    })
}

fn cursor(text: &str, partitions: usize) -> Result<Cursor, Problem> {
    decode(text)
        .filter(|cursor: &Cursor| cursor.partition < partitions)
        .ok_or_else(|| {
            let why = "expected `next` of the page before, with the same prefix";
            http::bad_parameter("cursor", why)
        })
}
