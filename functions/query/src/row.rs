//! `GET /projections/{name}/{key}`: one row, as it is.

use crate::{
    at_least::Version,
    past::Moment,
    shown::shown,
    sources::{Sources, Unanswered},
};
use rewind::{MAX_ROW_KEY, Over, Projection, StreamName};
use rewind_aws::{
    aws::http::{self, Parameters, Request, Response, bad_parameter, missing},
    data_table::key::Key,
};
use std::borrow::Cow;

impl Sources {
    /// The row of a key.
    pub(crate) async fn row(
        &self,
        parameters: &Parameters,
        key: &str,
        request: &Request,
    ) -> Result<Response, Unanswered> {
        let projection = self.projection(parameters)?;
        if !(1..=MAX_ROW_KEY).contains(&key.len()) {
            let why = format!("expected 1 to {MAX_ROW_KEY} bytes");
            return Err(bad_parameter("key", why).into());
        }
        let key = &*stored(projection, key);
        if let Some(moment) = Moment::of(parameters)? {
            if parameters.text("at_least").is_some() {
                let why = "is for a row as it is: `at`, `as_of` and `as_at` ask for one as it was";
                return Err(bad_parameter("at_least", why).into());
            }
            return self.row_then(projection, key, moment).await;
        }
        let target = self.target(projection, parameters).await?;
        if let Some(version) = Version::of(projection, key, parameters)? {
            version.wait(&self.store, &target, request).await?;
        }
        let row = self.store.get(&Key::row(&target, key)).await?;
        let row = row.and_then(|row| shown(projection, key.to_string(), row));
        let Some(row) = row else {
            let name = projection.name;
            return Err(missing("key", format!("{name} has no row {key:?}")).into());
        };
        Ok(http::json(200, &row))
    }
}

/// The key under which a row stands. A row of one stream has the id in the
/// stream's name, where characters that a name may not have are escaped; it is
/// found under the id itself as well.
fn stored<'a>(projection: &Projection, key: &'a str) -> Cow<'a, str> {
    let category = match (projection.over, projection.categories.first()) {
        (Over::OneStream, Some(category)) => category,
        _ => return Cow::Borrowed(key),
    };
    let is_name = StreamName::new(format!("{category}-{key}")).is_ok();
    match StreamName::of(category, key) {
        Ok(stream) if !is_name => Cow::Owned(stream.id().to_string()),
        _ => Cow::Borrowed(key),
    }
}
