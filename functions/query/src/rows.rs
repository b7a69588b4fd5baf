//! `GET /projections` and `/projections/{name}`: what there is, and lists of
//! rows.

use crate::{
    cursor,
    past::Moment,
    secondary,
    shown::shown,
    sources::{Fitting, Sources, Unanswered},
};
use rewind::{MAX_ROW_KEY, Over, Problem, Target};
use rewind_aws::{
    aws::http::{self, Parameters, Request, Response, bad_parameter},
    data_table::{
        key::{self, Key},
        row,
    },
    generation::{generations::Generations, lifecycle},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How many pages one answer reads at most, so that it comes in time however
/// many deleted rows are passed over: then it ends early, with a cursor. A list
/// without any reads one of each partition, and one more.
pub(crate) const MAX_PAGES: usize = 40;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Projection")]
struct Definition<'a> {
    name: &'a str,
    version: u32,
    #[schemars(extend("enum" = ["one stream", "many streams"]))]
    over: &'static str,
    categories: &'a [&'static str],
    /// The secondary key that its rows are found by.
    #[serde(skip_serializing_if = "Option::is_none")]
    secondary_key: Option<&'static str>,
    /// Whether what serves was begun with another version of the projection.
    rebuild_due: bool,
    generations: Generations,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Rows<'a> {
    pub(crate) projection: &'a str,
    pub(crate) generation: u64,
    #[schemars(with = "Vec<crate::shown::Shown>")]
    pub(crate) rows: Vec<Box<RawValue>>,
    /// What `cursor` is for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// All projections.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProjectionList")]
pub(crate) struct Projections<'a> {
    projections: Vec<Definition<'a>>,
}

/// Where a page ended.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowAt {
    generation: u64,
    partition: usize,
    after: Option<String>,
}

impl Sources {
    pub(crate) async fn projections(&self) -> Result<Response, Unanswered> {
        let known = lifecycle::all(&self.store).await?;
        let projections = self.service.projections().iter();
        let projections = projections.map(|projection| Definition {
            name: projection.name,
            version: projection.version,
            over: match projection.over {
                Over::OneStream => "one stream",
                Over::ManyStreams => "many streams",
            },
            categories: projection.categories,
            secondary_key: projection.secondary_key.as_ref().map(|key| key.name),
            rebuild_due: known
                .get(projection.name)
                .is_some_and(|known| known.is_rebuild_due(projection.version)),
            generations: known.get(projection.name).cloned().unwrap_or_default(),
        });
        let projections = projections.collect();
        Ok(http::json(200, &Projections { projections }))
    }

    /// A list of rows, or the one that `key` names: a path cannot carry every
    /// key, because API Gateway decodes it before it looks for slashes and
    /// question marks, and clients shorten `..` in it.
    pub(crate) async fn rows(
        &self,
        parameters: &Parameters,
        request: &Request,
    ) -> Result<Response, Unanswered> {
        if let Some(key) = parameters.text("key") {
            let of_lists = ["limit", "cursor", "prefix", "by", "value"];
            let mut of_lists = of_lists.into_iter();
            if let Some(name) = of_lists.find(|name| parameters.text(name).is_some()) {
                let why = "is for lists of rows: `key` asks for one row";
                return Err(bad_parameter(name, why).into());
            }
            return self.row(parameters, key, request).await;
        }
        let projection = self.projection(parameters)?;
        let value = secondary::asked(projection, parameters)?;
        if parameters.text("at_least").is_some() {
            let why = "is for one row: name it with `key`";
            return Err(bad_parameter("at_least", why).into());
        }
        if let Some(moment) = Moment::of(parameters)? {
            return self.rows_then(projection, parameters, &moment, value).await;
        }
        if let Some(value) = value {
            return self.rows_by(projection, parameters, value).await;
        }
        let (limit, prefix) = page_of(parameters)?;
        let question = ["projections", projection.name, prefix];
        let place = cursor::decode::<RowAt>(parameters, &question)?;
        let target = self.target(projection, parameters).await?;
        let partitions: Vec<String> = match prefix.split_once('/') {
            // Rows whose keys share what stands before the `/` lie together.
            Some((group, _)) => vec![key::prefix_partition(&target, group)],
            None => key::row_partitions(&target).collect(),
        };
        let mut place = match place {
            Some(place) => {
                continued(place.generation, &target, parameters)?;
                let fits = is_within(&place, &target, prefix, &partitions);
                fits.then_some(place).ok_or_else(cursor::unfit)?
            }
            None => RowAt {
                generation: target.generation,
                partition: 0,
                after: None,
            },
        };
        let mut rows = Fitting::default();
        'listing: for _ in 0..MAX_PAGES {
            if place.partition >= partitions.len() || rows.items.len() >= limit {
                break;
            }
            let partition = &partitions[place.partition];
            let page = (limit - rows.items.len()) as i32;
            let after = place.after.as_deref();
            let (items, next) = self.store.list(partition, prefix, after, page).await?;
            for item in items {
                let (key, row) = row::row(item)?;
                if let Some(shown) = shown(projection, key.sk.clone(), row)
                    && !rows.take(&shown, || format!("row {}/{}", key.pk, key.sk))?
                {
                    break 'listing;
                }
                place.after = Some(key.sk);
            }
            if next.is_none() {
                place.partition += 1;
            }
            place.after = next;
        }
        let is_more = place.partition < partitions.len();
        Ok(http::json(
            200,
            &Rows {
                projection: projection.name,
                generation: target.generation,
                rows: rows.items,
                next: is_more.then(|| cursor::encode(&question, &place)),
            },
        ))
    }
}

/// How many rows a list may have, and what their keys begin with.
///
/// # Errors
///
/// A problem that says what was expected.
pub(crate) fn page_of(parameters: &Parameters) -> Result<(usize, &str), Problem> {
    let limit = parameters.number("limit", 1..=1000)?.unwrap_or(100);
    let prefix = parameters.text("prefix").unwrap_or_default();
    if prefix.len() > MAX_ROW_KEY {
        let why = format!("expected at most {MAX_ROW_KEY} bytes: no key is longer");
        return Err(bad_parameter("prefix", why));
    }
    Ok((limit as usize, prefix))
}

/// Checks that a list goes on in the generation that it began in: rows of two
/// must not meet in one.
pub(crate) fn continued(
    generation: u64,
    target: &Target,
    parameters: &Parameters,
) -> Result<(), Problem> {
    if generation == target.generation {
        return Ok(());
    }
    if parameters.text("generation").is_some() {
        return Err(cursor::unfit());
    }
    let why = "the projection was rebuilt meanwhile: begin again without a cursor";
    let mut problem = Problem::new(410, "cursor-outdated", why);
    problem.field = Some("cursor".into());
    Err(problem)
}

/// Whether a list of these partitions can have ended here: whoever sends a
/// cursor may have made it up, and DynamoDB takes no key of elsewhere.
fn is_within(place: &RowAt, target: &Target, prefix: &str, partitions: &[String]) -> bool {
    partitions.get(place.partition).is_some_and(|partition| {
        place.after.as_ref().is_none_or(|key| {
            (1..=MAX_ROW_KEY).contains(&key.len())
                && key.starts_with(prefix)
                && Key::row(target, key).pk == *partition
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_within_its_list_or_refused() {
        let target = Target {
            projection: "products".into(),
            generation: 1,
        };
        let all: Vec<String> = key::row_partitions(&target).collect();
        let of = |key: &str| {
            let pk = Key::row(&target, key).pk;
            all.iter().position(|partition| *partition == pk).unwrap()
        };
        let place = |partition, after: Option<&str>| RowAt {
            generation: 1,
            partition,
            after: after.map(ToString::to_string),
        };
        let within = |place: RowAt, prefix: &str| is_within(&place, &target, prefix, &all);
        let (most, long) = ("x".repeat(1024), "x".repeat(1025));
        assert!(within(place(7, None), ""));
        assert!(within(place(of("a/1"), Some("a/1")), "a/"));
        assert!(within(place(of(&most), Some(&most)), ""));
        // Beyond the last partition, of another one, of another prefix, and no
        // key at all: what DynamoDB would refuse for good.
        assert!(!within(place(8, None), ""));
        assert!(!within(place(usize::MAX, Some("a/1")), ""));
        assert!(!within(place((of("a/1") + 1) % 8, Some("a/1")), ""));
        assert!(!within(place(of("a/1"), Some("a/1")), "b/"));
        assert!(!within(place(of(""), Some("")), ""));
        assert!(!within(place(of(&long), Some(&long)), ""));
    }
}
