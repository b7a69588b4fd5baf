//! The data store is deleted and rebuilt, and has to be what it was.

use super::{expect, rows, show, wait::wait_for};
use crate::{client::Client, end::Outcome, out::say};
use local::System;
use serde_json::{Value, json};

/// Deletes the data store, plays everything back to all projections and to
/// `others` such as `{"microservice": {}}`, and compares the rows.
pub async fn rebuild(system: &System, client: &Client, others: &[Value]) -> Outcome {
    let before = rows::all(client).await?;
    say!(
        "  {} rows in {} projections",
        before.rows(),
        before.projections()
    )?;
    let deleted = rows::delete_data_store(system).await?;
    let gone = rows::all(client).await?.rows();
    say!("  deleted {deleted} items; {gone} rows are left")?;
    expect("rows after the deletion", &json!(gone), &json!(0))?;

    let to = before.names().map(|name| json!({"projection": name}));
    let to = to.chain(others.iter().cloned());
    let request = json!({"to": to.collect::<Vec<_>>()});
    let playback = client
        .post_ok("/playbacks", "application/json", &request, 202)
        .await?;
    let path = format!("/playbacks/{}", playback["id"].as_str().unwrap_or_default());
    let bar = show::bar("replayed", 0);
    let ended = wait_for(client, &path, |body| {
        bar.set_position(body["events"].as_u64().unwrap_or_default());
        matches!(body["state"].as_str(), Some("completed" | "failed"))
    });
    let ended = ended.await?;
    bar.finish_and_clear();
    say!(
        "  played back {} events in {} records: {}",
        ended["events"],
        ended["records"],
        ended["state"].as_str().unwrap_or_default()
    )?;
    expect("the playback", &ended["state"], &json!("completed"))?;

    let after = rows::all(client).await?;
    after.compare(&before)?;
    say!("  {} rows, each equal to what it was", after.rows())?;
    Ok(())
}
