//! Publishing what was recorded.

use crate::aws::{producer::Stream, publish::Run};
use rewind::{Commit, Delivery};

/// Publishes commits on the stream `events`, those of one stream in order.
pub(super) async fn publish(published: &Stream, commits: &[Commit]) -> Result<(), String> {
    let mut runs = Vec::new();
    for commit in commits {
        let events = commit.events().map_err(|error| error.to_string())?;
        let packed = Delivery::encode(&events, None);
        runs.push(Run::new(commit.stream.as_str(), packed));
    }
    let answers = published.publish(runs).await;
    let refused = answers.into_iter().find_map(|published| published.refused);
    refused.map_or(Ok(()), Err)
}
