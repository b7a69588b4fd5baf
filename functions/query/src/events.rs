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
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// How long a look at the index waits for the next one: first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Each event of an answer has attributes that its commit has once.
const MOST_WEIGHT: usize = MAX_ANSWER / 2;

#[derive(Serialize)]
struct Events {
    events: Vec<RecordedEvent>,
    /// What `cursor` is to go on: also where there is nothing yet.
    next: String,
    /// Whether there is more already.
    behind: bool,
}

/// Where a request begins.
enum From {
    Place(Place),
    /// Behind what there is.
    Now,
    /// The latest events, backwards.
    Latest(usize),
}

impl Sources {
    pub(crate) async fn tail(
        &self,
        parameters: &Parameters,
        request: &Request,
    ) -> Result<Response, Unanswered> {
        let category = parameters.text("category");
        if let Some(category) = category
            && (category.is_empty() || category.contains('-'))
        {
            let why = "expected a category: what stands before the first `-` of a stream's name";
            return Err(bad_parameter("category", why).into());
        }
        let limit = parameters.number("limit", 1..=1000)?.unwrap_or(100) as usize;
        let question = ["events", category.unwrap_or_default()];
        let from = from(parameters, &question)?;
        let wait = Duration::from_secs(prefers(request)?.wait.unwrap_or_default());
        let categories = match category {
            Some(category) => vec![category],
            None => self.service.categories().into_iter().collect(),
        };
        let tail = Tail::new(&self.events, categories, MOST_IN_URL, MOST_WEIGHT);
        let told = match from {
            From::Place(place) => read(&tail, &place, limit, wait).await?,
            From::Now => {
                let place = tail.present(clock::micros()).await?;
                match wait.is_zero() {
                    true => Told {
                        place,
                        ..Told::default()
                    },
                    false => read(&tail, &place, limit, wait).await?,
                }
            }
            From::Latest(latest) => tail.latest(latest, clock::micros()).await?,
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

/// Where a request begins: one of `after`, `cursor` and `latest` says it.
fn from(parameters: &Parameters, question: &[&str]) -> Result<From, Problem> {
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
    if let Some(latest) = parameters.number("latest", 1..=1000)? {
        return Ok(From::Latest(latest as usize));
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
async fn read(tail: &Tail<'_>, place: &Place, limit: usize, wait: Duration) -> Result<Told, Error> {
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
