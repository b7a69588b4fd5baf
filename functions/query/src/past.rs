//! Rows as they were: one with `?at=VERSION`, one or a list with `?as_of=TIME` or
//! `?as_at=TIME`, folded on the fly from the events.

use crate::{
    cursor,
    rows::page_of,
    shown::Shown,
    sources::{Fitting, Sources, Unanswered},
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use rewind::{
    Over, Problem, Projection, Selection, StreamName,
    selection::{Times, micros, rfc3339},
};
use rewind_aws::{
    Error,
    aws::{
        clock::now,
        http::{self, Parameters, Response, bad_parameter, missing},
    },
    history::resolve::{self, Past, Subject, Wanted},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How long history is folded for one answer: the function has 29 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// Rows of one stream that are folded at once.
const CONCURRENCY: usize = 16;

/// A moment in the past.
pub(crate) enum Moment {
    /// When the stream had this version.
    Version(u64),
    /// What was recorded by this time.
    Recorded(Timestamp),
    /// What had happened by this time, by the events' own time, as it is known
    /// today.
    Occurred(Timestamp),
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RowsThen")]
pub(crate) struct Rows<'a> {
    projection: &'a str,
    #[schemars(with = "Vec<Shown>")]
    rows: Vec<Box<RawValue>>,
    /// What `cursor` is for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Moment {
    /// The moment that a request asks for, where it asks for one.
    pub(crate) fn of(parameters: &Parameters) -> Result<Option<Self>, Problem> {
        let version = parameters.number("at", 1..=u64::MAX)?;
        let times = [
            ("as_of", Self::Recorded as fn(_) -> _),
            ("as_at", Self::Occurred),
        ];
        let mut moment = version.map(Self::Version);
        for (name, kind) in times {
            let Some(text) = parameters.text(name) else {
                continue;
            };
            if moment.is_some() {
                let why = "asks for another moment than `at`, `as_of` or `as_at` beside it";
                return Err(bad_parameter(name, why));
            }
            let expected = "expected RFC 3339, such as 2023-04-19T09:00:00Z";
            let time = rfc3339(text).ok_or_else(|| bad_parameter(name, expected))?;
            if time > now() && name == "as_of" {
                return Err(bad_parameter(name, "lies in the future"));
            }
            moment = Some(kind(time));
        }
        if moment.is_some() && parameters.text("generation").is_some() {
            let why = "a row as it was is folded from the events: it is of no generation";
            return Err(bad_parameter("generation", why));
        }
        Ok(moment)
    }

    /// Which events count, where not all do that were recorded.
    fn selection(&self) -> Option<Selection> {
        let Self::Occurred(time) = self else {
            return None;
        };
        // Up to the time itself, and times have microseconds here.
        let end = time.checked_add(SignedDuration::from_micros(1));
        let to = Some(end.unwrap_or(Timestamp::MAX));
        let occurred = Some(Times { from: None, to });
        Some(Selection {
            occurred,
            ..Selection::default()
        })
    }

    /// The last position that counts.
    fn position(&self) -> u64 {
        match self {
            Self::Recorded(time) => micros(*time),
            Self::Version(_) | Self::Occurred(_) => micros(now()),
        }
    }
}

impl Sources {
    /// The row as it was at a moment.
    pub(crate) async fn row_then(
        &self,
        projection: &Projection,
        key: &str,
        moment: Moment,
    ) -> Result<Response, Unanswered> {
        if projection.over == Over::ManyStreams {
            return self.shared_row_then(projection, key, &moment).await;
        }
        match timeout(PATIENCE, self.own_row_then(projection, key, &moment)).await {
            Ok(answer) => answer,
            Err(_) => Err(too_long().into()),
        }
    }

    /// A row of one stream, as it was at a moment.
    async fn own_row_then(
        &self,
        projection: &Projection,
        key: &str,
        moment: &Moment,
    ) -> Result<Response, Unanswered> {
        let category = projection.categories.first().copied().unwrap_or_default();
        let Ok(stream) = StreamName::new(format!("{category}-{key}")) else {
            let why = format!("{} has no row {key:?}", projection.name);
            return Err(missing("key", why).into());
        };
        if let Moment::Version(version) = moment {
            let last = self.events.head(&stream).await?.version;
            if last < *version {
                let why = format!("{stream} has {last} versions, not {version}");
                return Err(missing("at", why).into());
            }
        }
        let Some(shown) = self.folded(projection, &stream, key, moment).await? else {
            let why = format!("{stream} had no row then: no events, or they had deleted it");
            return Err(missing("key", why).into());
        };
        Ok(http::json(200, &shown))
    }

    /// The row of a stream at a moment, where it had one.
    async fn folded(
        &self,
        projection: &Projection,
        stream: &StreamName,
        key: &str,
        moment: &Moment,
    ) -> Result<Option<Shown>, Error> {
        let through = match moment {
            Moment::Version(version) => *version,
            Moment::Recorded(time) => self.version_at(stream, micros(*time)).await?,
            Moment::Occurred(_) => self.events.head(stream).await?.version,
        };
        let selection = moment.selection();
        let subject = Subject {
            projection,
            stream,
            key,
            selection: selection.as_ref(),
        };
        let folded = resolve::fold(&self.events, subject, through).await?;
        Ok(folded.state.map(|state| Shown {
            key: key.to_string(),
            watermark: Some(folded.watermark),
            state,
            stalled: folded.refused.map(|refused| refused.reason),
        }))
    }

    /// A row that many streams share, as it was at a moment.
    async fn shared_row_then(
        &self,
        projection: &Projection,
        key: &str,
        moment: &Moment,
    ) -> Result<Response, Unanswered> {
        if let Moment::Version(_) = moment {
            let why = "a row that streams share has no version: ask for it with `as_of` or `as_at`";
            return Err(bad_parameter("at", why).into());
        }
        let mut rows = self.shared(projection, Wanted::Key(key), moment).await?;
        let Some(state) = rows.remove(key) else {
            let name = projection.name;
            return Err(missing("key", format!("{name} had no row {key:?} then")).into());
        };
        let shown = Shown {
            key: key.to_string(),
            watermark: None,
            state,
            stalled: None,
        };
        Ok(http::json(200, &shown))
    }

    async fn shared(
        &self,
        projection: &Projection,
        wanted: Wanted<'_>,
        moment: &Moment,
    ) -> Result<BTreeMap<String, Value>, Unanswered> {
        let selection = moment.selection();
        let past = Past {
            position: moment.position(),
            selection: selection.as_ref(),
        };
        let deadline = Instant::now() + PATIENCE;
        let folded = resolve::fold_shared(&self.events, projection, wanted, past, deadline);
        Ok(folded.await?.ok_or_else(too_long)?)
    }

    /// The rows as they were at a moment, by key: a page of them, where a value is
    /// given of those whose secondary key was that.
    pub(crate) async fn rows_then(
        &self,
        projection: &Projection,
        parameters: &Parameters,
        moment: &Moment,
        value: Option<&str>,
    ) -> Result<Response, Unanswered> {
        if let Moment::Version(_) = moment {
            let why = "is for one row: expected `as_of` or `as_at` for a list";
            return Err(bad_parameter("at", why).into());
        }
        let (limit, prefix) = page_of(parameters)?;
        let given = |name| parameters.text(name).unwrap_or_default();
        let question = [
            "then",
            projection.name,
            prefix,
            given("as_of"),
            given("as_at"),
            value.unwrap_or_default(),
        ];
        let after: Option<String> = cursor::decode(parameters, &question)?;
        let after = after.as_deref();
        let is_wanted = |state: &Value| match value {
            // A row whose key is refused today is found by none.
            Some(value) => {
                let key = projection.secondary(Some(state));
                key.is_ok_and(|key| key.as_deref() == Some(value))
            }
            None => true,
        };
        let page = match projection.over {
            Over::OneStream => {
                let page = self.own_rows_then(projection, prefix, after, limit, moment, &is_wanted);
                page.await?
            }
            Over::ManyStreams => {
                let rows = self
                    .shared(projection, Wanted::Prefix(prefix), moment)
                    .await?;
                let behind = rows
                    .into_iter()
                    .filter(|(key, state)| after.is_none_or(|at| &**key > at) && is_wanted(state));
                let shown = behind.map(|(key, state)| Shown {
                    key,
                    watermark: None,
                    state,
                    stalled: None,
                });
                let mut shown: Vec<Shown> = shown.take(limit + 1).collect();
                let has_more = shown.len() > limit;
                shown.truncate(limit);
                let last = shown.last().filter(|_| has_more).map(|row| row.key.clone());
                (shown, last)
            }
        };
        let (shown, mut last) = page;
        let mut rows = Fitting::default();
        let mut before: Option<&str> = None;
        for row in &shown {
            if !rows.take(row, || format!("row {} of {}", row.key, projection.name))? {
                last = before.map(ToString::to_string);
                break;
            }
            before = Some(&row.key);
        }
        Ok(http::json(
            200,
            &Rows {
                projection: projection.name,
                rows: rows.items,
                next: last.map(|last| cursor::encode(&question, &last)),
            },
        ))
    }

    /// A page of the rows of one stream each that are wanted.
    /// It ends early where folding takes long.
    async fn own_rows_then(
        &self,
        projection: &Projection,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        moment: &Moment,
        is_wanted: &(dyn Fn(&Value) -> bool + Sync),
    ) -> Result<(Vec<Shown>, Option<String>), Unanswered> {
        let until = Instant::now() + PATIENCE / 2;
        let category = projection.categories.first().copied().unwrap_or_default();
        let begin = format!("{category}-{prefix}");
        let mut after = after.map(|key| format!("{category}-{key}"));
        let mut rows = Vec::new();
        loop {
            let named = self.events.named(&begin, after.as_deref(), limit).await?;
            let is_last = named.len() < limit;
            let position = moment.position();
            for some in named.chunks(CONCURRENCY) {
                let then = some.iter().filter(|named| named.position <= position);
                let jobs = stream::iter(then)
                    .map(|named| self.folded(projection, &named.stream, named.stream.id(), moment));
                let folded = jobs.buffered(CONCURRENCY).collect::<Vec<_>>();
                let folded = timeout(PATIENCE, folded).await.map_err(|_| too_long())?;
                for row in folded {
                    rows.extend(row?.filter(|row| is_wanted(&row.state)));
                }
                after = some.last().map(|named| named.stream.to_string());
                let is_over =
                    is_last && after.as_deref() == named.last().map(|n| n.stream.as_str());
                if rows.len() >= limit || Instant::now() > until {
                    let id = after.as_deref().and_then(|name| name.split_once('-'));
                    let next = id.filter(|_| !is_over).map(|(_, id)| id.to_string());
                    return Ok((rows, next));
                }
            }
            if is_last {
                return Ok((rows, None));
            }
        }
    }

    /// The version that a stream had at a time; its last one where the time
    /// lies behind that.
    async fn version_at(&self, stream: &StreamName, micros: u64) -> Result<u64, Error> {
        let mut version = 0;
        loop {
            let page = self.events.read_events(stream, version, u64::MAX);
            let (events, has_more) = page.await?;
            let then = events.iter().take_while(|event| event.position <= micros);
            let last = then.last().map_or(version, |event| event.version);
            let is_reached = events.last().is_some_and(|event| event.version > last);
            version = last;
            if !has_more || is_reached {
                return Ok(version);
            }
        }
    }
}

/// The problem of a past that takes too long to fold.
fn too_long() -> Problem {
    let patience = PATIENCE.as_secs();
    let why = format!(
        "there is more history than {patience} s and the function's memory are enough to fold; play it into a generation of its own: POST /playbacks with {{\"what\": {{\"recorded\": {{\"to\": TIME}}}}}}"
    );
    Problem::new(422, "past-too-long", why)
}
