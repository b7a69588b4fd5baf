//! `GET /events`: recorded events of categories, read on and on.

use crate::{
    cursor,
    sources::{MAX_ANSWER, Sources, Unanswered},
};
use rewind::{Problem, RecordedEvent};
use rewind_aws::{
    Error,
    aws::{
        clock,
        http::{self, Parameters, Request, Response, bad_parameter, prefers},
    },
    history::tail::{MOST_IN_URL, Place, Tail, Told},
};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// How long a look at the index waits for the next one: first, and at most.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Each event of an answer has attributes that its commit has once.
const MOST_WEIGHT: usize = MAX_ANSWER / 2;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Tail")]
pub(crate) struct Events {
    events: Vec<RecordedEvent>,
    /// What `cursor` is to go on: also where there is nothing yet.
    next: String,
    /// Whether there is more already.
    behind: bool,
}

/// Where a request begins.
pub(crate) enum From {
    Place(Place),
    /// Behind what there is.
    Now,
    /// The latest events below a position, backwards.
    Latest {
        count: usize,
        before: u64,
    },
}

impl From {
    /// The place where it is.
    pub(crate) async fn place(&self, tail: &Tail<'_>) -> Result<Place, Error> {
        match self {
            Self::Place(place) => Ok(place.clone()),
            Self::Now | Self::Latest { .. } => tail.present(clock::micros()).await,
        }
    }
}

impl Sources {
    pub(crate) async fn tail(
        &self,
        parameters: &Parameters,
        request: &Request,
    ) -> Result<Response, Unanswered> {
        let category = category(parameters)?;
        let limit = parameters.number("limit", 1..=1000)?.unwrap_or(100) as usize;
        let question = ["events", category.unwrap_or_default()];
        let from = from(parameters, &question)?;
        let wait = Duration::from_secs(prefers(request)?.wait.unwrap_or_default());
        let tail = self.tail_of(category);
        let told = match from {
            From::Latest { count, before } => tail.latest(count, before, clock::micros()).await?,
            From::Now if wait.is_zero() => Told {
                place: from.place(&tail).await?,
                ..Told::default()
            },
            from => read(&tail, &from.place(&tail).await?, limit, wait).await?,
        };
        Ok(http::json(
            200,
            &Events {
                events: told.events,
                next: cursor::encode(&question, &told.place),
                behind: told.has_more,
            },
        ))
    }
}

impl Sources {
    /// The tail of a category, or of all that the service knows.
    pub(crate) fn tail_of(&self, category: Option<&str>) -> Tail<'_> {
        let categories = match category {
            Some(category) => vec![category],
            None => self.service.categories().into_iter().collect(),
        };
        Tail::new(&self.events, categories, MOST_IN_URL, MOST_WEIGHT)
    }
}

/// The category that a request is about.
///
/// # Errors
///
/// A problem where it is none.
pub(crate) fn category(parameters: &Parameters) -> Result<Option<&str>, Problem> {
    let category = parameters.text("category");
    if category.is_some_and(|category| category.is_empty() || category.contains('-')) {
        let why = "expected a category: what stands before the first `-` of a stream's name";
        return Err(bad_parameter("category", why));
    }
    Ok(category)
}

/// Where a request begins: one of `after`, `cursor` and `latest` says it, `latest`
/// with `before`.
pub(crate) fn from(parameters: &Parameters, question: &[&str]) -> Result<From, Problem> {
    let (after, latest) = (parameters.text("after"), parameters.text("latest"));
    let given = [after, latest, parameters.text("cursor")];
    if given.iter().flatten().count() > 1 {
        let why = "says where to begin, as `after`, `latest` and `cursor` do: expected one of them";
        let name = if latest.is_some() { "latest" } else { "after" };
        return Err(bad_parameter(name, why));
    }
    if let Some(place) = cursor::decode(parameters, question)? {
        return Ok(From::Place(place));
    }
    let before = parameters.number("before", 1..=u64::MAX)?;
    if let Some(latest) = parameters.number("latest", 1..=1000)? {
        return Ok(From::Latest {
            count: latest as usize,
            before: before.unwrap_or(u64::MAX),
        });
    }
    if before.is_some() {
        let why = "goes with `latest`: the latest so many events before this position";
        return Err(bad_parameter("before", why));
    }
    match after {
        None => Ok(From::Place(Place::default())),
        Some("now") => Ok(From::Now),
        Some(_) => {
            let after = parameters.number("after", 0..=u64::MAX).map_err(|_| {
                let why = "expected a position, as events have it, or `now`";
                bad_parameter("after", why)
            })?;
            Ok(From::Place(Place::behind(after.unwrap_or_default())))
        }
    }
}

/// Reads, and looks again until there is anything or the time is over.
pub(crate) async fn read(
    tail: &Tail<'_>,
    place: &Place,
    limit: usize,
    wait: Duration,
) -> Result<Told, Error> {
    let until = Instant::now() + wait;
    let mut place = place.clone();
    let mut pause = FIRST_PAUSE;
    loop {
        let told = tail.read(&place, limit, clock::micros()).await?;
        if !told.events.is_empty() || told.has_more || Instant::now() + pause > until {
            return Ok(told);
        }
        place = told.place;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}
