//! Waiting until the system answers as expected.

use crate::{client::Client, end::End};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long anything may take before the demonstration fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until a row has folded its stream up to a version.
///
/// # Errors
///
/// When the row does not get there in time.
pub async fn wait_for_row(
    client: &Client,
    projection: &str,
    key: &str,
    version: u64,
) -> Result<Value, End> {
    let path = format!("/projections/{projection}/{key}");
    wait_for(client, &path, |body| body["watermark"] == version).await
}

/// GETs a path until its answer is as wanted.
///
/// # Errors
///
/// When that takes too long, or the gateway does not answer.
pub async fn wait_for(
    client: &Client,
    path: &str,
    mut is_wanted: impl FnMut(&Value) -> bool,
) -> Result<Value, End> {
    let started = Instant::now();
    loop {
        let answer = client.get(path).await?;
        if answer.status == 200 && is_wanted(&answer.body) {
            return Ok(answer.body);
        }
        if started.elapsed() > PATIENCE {
            let (status, body) = (answer.status, answer.body);
            return Err(End::Refused(format!(
                "GET {path} still answers {status}: {body}"
            )));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
