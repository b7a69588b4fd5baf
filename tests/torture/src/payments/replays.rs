//! Replays of everything to microservice: they ask the provider nothing.

use local::System;
use provider::Provider;
use rewind_cli::{
    client::Client,
    exit::{End, Outcome},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a playback may take.
const PATIENCE: Duration = Duration::from_secs(900);

/// The time between two looks at a playback.
const INTERVAL: Duration = Duration::from_millis(500);

/// Plays all back to microservice, and then compares. Neither finds anything to
/// do.
pub async fn replay(system: &System, client: &Client, provider: &Provider) -> Outcome {
    let asked = provider.requests();
    let replay = json!({"to": [{"microservice": {}}]});
    let replayed = playback(client, &replay).await?;
    system.idle().await;
    let gateways = json!({"payments": "difference"});
    let compare = json!({"to": [{"microservice": {"gateways": gateways}}], "dry_run": true});
    let compared = playback(client, &compare).await?;
    let again = provider.requests() - asked;
    let found = &compared["found"];
    println!(
        "replayed  {} events: {again} requests; compared: {found}",
        replayed["events"]
    );
    let differs = found.as_object().into_iter().flatten();
    if again > 0 || differs.filter(|(_, count)| **count != 0).count() > 0 {
        let why = format!("a replay has led to {again} requests, a comparison to {found}");
        return Err(End::Refused(why));
    }
    Ok(())
}

/// Starts a playback, and waits until it has ended well.
async fn playback(client: &Client, request: &Value) -> Result<Value, End> {
    let started = Instant::now();
    let begun = client.post_ok("/playbacks", "application/json", request, 202);
    let begun = begun.await?;
    let path = format!("/playbacks/{}", begun["id"].as_str().unwrap_or_default());
    loop {
        let playback = client.get_ok(&path).await?;
        match playback["state"].as_str() {
            Some("completed") => return Ok(playback),
            Some("failed" | "cancelled") => return Err(End::Refused(playback.to_string())),
            _ if started.elapsed() > PATIENCE => {
                let why = format!("after {} s: {playback}", PATIENCE.as_secs());
                return Err(End::Refused(why));
            }
            _ => tokio::time::sleep(INTERVAL).await,
        }
    }
}
