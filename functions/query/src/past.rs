//! `GET /projections/{name}/{key}?at=VERSION` and `?as_of=TIME`: the row as it
//! was then, folded on the fly from the events.

use crate::{
    shown::Shown,
    sources::{Sources, Unanswered},
};
use rewind::{
    Over, Problem, Projection, StreamName,
    selection::{micros, rfc3339},
};
use rewind_aws::{
    aws::{
        clock::now,
        http::{self, Parameters, Response, bad_parameter, missing},
    },
    history::resolve::{self, Subject},
};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long history is folded for one answer: the function has 29 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// A moment in the past of a stream.
pub(crate) enum Moment {
    /// When the stream had this version.
    Version(u64),
    /// When this was the time, in microseconds since 1970: what was recorded by
    /// then.
    Time(u64),
}

impl Moment {
    /// The moment that a request asks for, where it asks for one.
    pub(crate) fn of(parameters: &Parameters) -> Result<Option<Self>, Problem> {
        let version = parameters.number("at", 1..=u64::MAX)?;
        let moment = match (version, parameters.text("as_of")) {
            (None, None) => return Ok(None),
            (Some(version), None) => Self::Version(version),
            (None, Some(text)) => {
                let expected = "expected RFC 3339, such as 2023-04-19T09:00:00Z";
                let time = rfc3339(text).ok_or_else(|| bad_parameter("as_of", expected))?;
                if time > now() {
                    return Err(bad_parameter("as_of", "lies in the future"));
                }
                Self::Time(micros(time))
            }
            (Some(_), Some(_)) => {
                let why = "asks for another moment than `at`";
                return Err(bad_parameter("as_of", why));
            }
        };
        if parameters.text("generation").is_some() {
            let why = "a row as it was is folded from the events: it is of no generation";
            return Err(bad_parameter("generation", why));
        }
        Ok(Some(moment))
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
        match timeout(PATIENCE, self.own_row_then(projection, key, moment)).await {
            Ok(answer) => answer,
            Err(_) => Err(too_long().into()),
        }
    }

    /// A row of one stream, as it was at a moment.
    async fn own_row_then(
        &self,
        projection: &Projection,
        key: &str,
        moment: Moment,
    ) -> Result<Response, Unanswered> {
        let category = projection.categories.first().copied().unwrap_or_default();
        let Ok(stream) = StreamName::new(format!("{category}-{key}")) else {
            let why = format!("{} has no row {key:?}", projection.name);
            return Err(missing("key", why).into());
        };
        let through = match moment {
            Moment::Version(version) => {
                let last = self.events.head(&stream).await?.version;
                if last < version {
                    let why = format!("{stream} has {last} versions, not {version}");
                    return Err(missing("at", why).into());
                }
                version
            }
            Moment::Time(micros) => self.version_at(&stream, micros).await?,
        };
        let subject = Subject {
            projection,
            stream: &stream,
            key,
            selection: None,
        };
        let folded = resolve::fold(&self.events, subject, through).await?;
        let Some(state) = folded.state else {
            let why = format!("{stream} had no row then: no events, or they had deleted it");
            return Err(missing("key", why).into());
        };
        let shown = Shown {
            key: key.to_string(),
            watermark: Some(folded.watermark),
            state,
            stalled: folded.refused.map(|refused| refused.reason),
        };
        Ok(http::json(200, &shown))
    }

    /// A row that many streams share, as it was at a moment.
    async fn shared_row_then(
        &self,
        projection: &Projection,
        key: &str,
        moment: &Moment,
    ) -> Result<Response, Unanswered> {
        let Moment::Time(micros) = moment else {
            let why = "a row that streams share has no version: ask for it with `as_of`";
            return Err(bad_parameter("at", why).into());
        };
        let deadline = Instant::now() + PATIENCE;
        let folded = resolve::fold_shared(&self.events, projection, key, *micros, deadline);
        let Some(folded) = folded.await? else {
            return Err(too_long().into());
        };
        let Some(state) = folded.state else {
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

    /// The version that a stream had at a time; its last one where the time
    /// lies behind that.
    async fn version_at(&self, stream: &StreamName, micros: u64) -> Result<u64, Unanswered> {
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
        "there is more history than {patience} s are enough to fold; play it into a generation of its own: POST /playbacks with {{\"what\": {{\"recorded\": {{\"to\": TIME}}}}}}"
    );
    Problem::new(422, "past-too-long", why)
}
