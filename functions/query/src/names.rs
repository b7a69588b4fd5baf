//! `GET /streams` and `GET /categories`: what there is, by name.

use crate::{
    cursor,
    events::category,
    sources::{Sources, Unanswered},
};
use rewind::stream::MAX_STREAM_NAME;
use rewind_aws::{
    aws::http::{self, Parameters, Response, bad_parameter},
    event_table::event_store::Named,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeSet;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StreamList")]
pub(crate) struct Streams<'a> {
    streams: Vec<Stream<'a>>,
    /// What `cursor` is for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Stream<'a> {
    stream: &'a str,
    category: &'a str,
    id: &'a str,
    /// Of its first event.
    position: u64,
}

#[derive(Serialize, JsonSchema)]
struct Category<'a> {
    category: &'a str,
    /// Whether an enum of the service declares its events.
    declared: bool,
    /// Whether an aggregate decides about it.
    decided: bool,
    /// How many streams were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    streams: Option<u64>,
    /// Whether there are more than were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    more: Option<bool>,
}

/// All categories, by name.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CategoryList")]
pub(crate) struct Categories<'a> {
    categories: Vec<Category<'a>>,
}

impl Sources {
    pub(crate) async fn streams(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let category = category(parameters)?;
        let prefix = parameters.text("prefix").unwrap_or_default();
        let begin = match category {
            Some(category) => format!("{category}-{prefix}"),
            None => prefix.to_string(),
        };
        if begin.len() > MAX_STREAM_NAME {
            let why = format!("expected at most {MAX_STREAM_NAME} bytes: no name is longer");
            return Err(bad_parameter("prefix", why).into());
        }
        let limit = parameters.number("limit", 1..=1000)?.unwrap_or(100) as usize;
        let question = ["streams", &begin];
        let after: Option<String> = cursor::decode(parameters, &question)?;
        let fits = |after: &String| after.starts_with(&begin) && after.len() <= MAX_STREAM_NAME;
        if after.as_ref().is_some_and(|after| !fits(after)) {
            return Err(cursor::unfit().into());
        }
        // One more than asked for tells whether there is a next page.
        let named = self.events.named(&begin, after.as_deref(), limit + 1);
        let mut named = named.await?;
        let has_more = named.len() > limit;
        named.truncate(limit);
        let last = named.last().filter(|_| has_more);
        let next = last.map(|last| cursor::encode(&question, &last.stream.as_str()));
        let streams = named.iter().map(|Named { stream, position }| Stream {
            stream: stream.as_str(),
            category: stream.category(),
            id: stream.id(),
            position: *position,
        });
        let streams = streams.collect();
        Ok(http::json(200, &Streams { streams, next }))
    }

    pub(crate) async fn categories(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let counts = parameters.flag("count")?;
        let found = self.events.named_categories().await?;
        let declared: BTreeSet<&str> = self.service.declared_categories().collect();
        let decided: BTreeSet<&str> = self.service.decided_categories().collect();
        let names: BTreeSet<&str> = found
            .iter()
            .map(String::as_str)
            .chain(declared.iter().copied())
            .collect();
        let mut categories = Vec::new();
        for category in names {
            let counted = match counts && found.contains(category) {
                true => Some(self.events.count_named(category).await?),
                false => counts.then(Default::default),
            };
            categories.push(Category {
                category,
                declared: declared.contains(category),
                decided: decided.contains(category),
                streams: counted.map(|counted| counted.streams),
                more: counted.map(|counted| counted.has_more),
            });
        }
        Ok(http::json(200, &Categories { categories }))
    }
}
