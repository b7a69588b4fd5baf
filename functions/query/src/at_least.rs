//! `?at_least=`: a row that holds a version of its stream. Whoever has just
//! recorded an event so reads what they wrote.

use crate::sources::Unanswered;
use rewind::{Over, Problem, Projection, StreamName, Target};
use rewind_aws::{
    aws::http::{MAX_WAIT, Parameters, Request, bad_parameter, prefers},
    data_table::{data_store::DataStore, key::Key},
};
use std::time::Duration;
use tokio::time::Instant;

/// How long a look at the watermark waits for the next one: first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// A version of a stream that a row is to hold.
#[derive(Debug)]
pub(crate) struct Version {
    /// The stream, where rows are shared; otherwise the row is the stream's.
    stream: Option<StreamName>,
    key: String,
    version: u64,
}

impl Version {
    /// The version that a request asks for.
    ///
    /// # Errors
    ///
    /// A problem that says what was expected.
    pub fn of(
        projection: &Projection,
        key: &str,
        parameters: &Parameters,
    ) -> Result<Option<Self>, Problem> {
        let Some(text) = parameters.text("at_least") else {
            return Ok(None);
        };
        let (stream, version) = match projection.over {
            Over::OneStream => (None, text),
            Over::ManyStreams => {
                let parts = text
                    .rsplit_once('@')
                    .and_then(|(stream, version)| Some((StreamName::new(stream).ok()?, version)));
                let why = "streams share the row: expected stream@version, such as cart-1@7";
                let (stream, version) = parts.ok_or_else(|| bad_parameter("at_least", why))?;
                if !projection.reads(stream.category()) {
                    let name = projection.name;
                    let why = format!("{name} does not read the category of {stream}");
                    return Err(bad_parameter("at_least", why));
                }
                (Some(stream), version)
            }
        };
        let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
        let version = version.parse().ok().filter(|_| is_number);
        let why = "expected a version of the stream, such as 7";
        let version = version.ok_or_else(|| bad_parameter("at_least", why))?;
        let key = key.to_string();
        Ok(Some(Self {
            stream,
            key,
            version,
        }))
    }

    /// Waits until the row holds it.
    ///
    /// # Errors
    ///
    /// A problem when that takes longer than the request prefers to wait.
    pub async fn wait(
        &self,
        store: &DataStore,
        target: &Target,
        request: &Request,
    ) -> Result<(), Unanswered> {
        let seconds = prefers(request)?.wait.unwrap_or(MAX_WAIT);
        let until = Instant::now() + Duration::from_secs(seconds);
        let key = match &self.stream {
            None => Key::row(target, &self.key),
            Some(stream) => Key::checkpoint(&target.to_string(), stream.as_str()),
        };
        let mut pause = FIRST_PAUSE;
        loop {
            let watermarks = store.watermarks(std::slice::from_ref(&key)).await?;
            let watermark = watermarks.get(&key).copied().unwrap_or_default();
            if watermark >= self.version {
                return Ok(());
            }
            if Instant::now() + pause > until {
                let wanted = self.version;
                let why = format!("the row holds version {watermark}, not {wanted} yet");
                return Err(Problem::new(503, "not-yet", why).of("at_least").into());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }
}
