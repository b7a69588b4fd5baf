//! `GET /projections/{name}/{key}?at=VERSION` and `?as_of=TIME`: the row as it
//! was then, folded on the fly from the events.

use crate::{
    handler::{Handler, Unanswered},
    rows::Shown,
};
use jiff::Timestamp;
use rewind::{Over, Problem, Projection, Recorded, StreamName};
use rewind_aws::{
    given::now,
    history::{self, Subject},
    http::{self, Request, Response},
};
use std::time::{Duration, Instant};

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
    pub(crate) fn of(request: &Request) -> Result<Option<Self>, Problem> {
        match (http::query(request, "at"), http::query(request, "as_of")) {
            (None, None) => Ok(None),
            (Some(_), None) => {
                let version = http::query_number(request, "at", 1..=u64::MAX, 1)?;
                Ok(Some(Self::Version(version)))
            }
            (None, Some(text)) => {
                let time: Timestamp = text.parse().map_err(|_| {
                    http::bad_parameter("as_of", "expected RFC 3339, such as 2023-04-19T09:00:00Z")
                })?;
                if time > now() {
                    return Err(http::bad_parameter("as_of", "lies in the future"));
                }
                let micros = u64::try_from(time.as_microsecond()).unwrap_or_default();
                Ok(Some(Self::Time(micros)))
            }
            (Some(_), Some(_)) => Err(http::bad_parameter(
                "as_of",
                "asks for another moment than `at`",
            )),
        }
    }

    /// Whether an event had been recorded by then.
    fn includes(&self, event: &Recorded) -> bool {
        match self {
            Self::Version(version) => event.version <= *version,
            Self::Time(micros) => event.position <= *micros,
        }
    }
}

impl Handler {
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
        let category = projection.categories.first().copied().unwrap_or_default();
        let not_found = |why: String| Err(Unanswered::from(Problem::not_found(why)));
        let Ok(stream) = StreamName::new(format!("{category}-{key}")) else {
            return not_found(format!("{} has no row {key:?}", projection.name));
        };
        let through = self.version_at(&stream, &moment).await?;
        if let Moment::Version(version) = moment
            && through < version
        {
            return not_found(format!("{stream} has {through} versions, not {version}"));
        }
        let subject = Subject {
            projection,
            stream: &stream,
            key,
            selection: None,
        };
        let folded = history::fold(&self.events, subject, through).await?;
        let Some(state) = folded.state else {
            return not_found(format!("{stream} had no events then"));
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
            return Err(http::bad_parameter("at", why).into());
        };
        let deadline = Instant::now() + PATIENCE;
        let folded = history::fold_shared(&self.events, projection, key, *micros, deadline);
        let Some(folded) = folded.await? else {
            let why = "there is too much history to fold it on the fly; play it into a generation of its own: POST /playbacks with {\"what\": {\"recorded\": {\"to\": TIME}}}";
            return Err(Problem::new(422, "past-too-long", why).into());
        };
        let Some(state) = folded.state else {
            let name = projection.name;
            return Err(Problem::not_found(format!("{name} had no row {key:?} then")).into());
        };
        let shown = Shown {
            key: key.to_string(),
            watermark: None,
            state,
            stalled: None,
        };
        Ok(http::json(200, &shown))
    }

    /// The version that a stream had at a moment; its last one where the moment
    /// lies behind that.
    async fn version_at(&self, stream: &StreamName, moment: &Moment) -> Result<u64, Unanswered> {
        let mut version = 0;
        loop {
            let page = self.events.read_events(stream, version, u64::MAX);
            let (events, has_more) = page.await?;
            let then = events.iter().take_while(|event| moment.includes(event));
            let last = then.last().map_or(version, |event| event.version);
            let is_reached = events.last().is_some_and(|event| event.version > last);
            version = last;
            if !has_more || is_reached {
                return Ok(version);
            }
        }
    }
}
