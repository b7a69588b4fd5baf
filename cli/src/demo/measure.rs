//! What the demonstration measures.

use super::wait::wait_for_row;
use crate::{client::Client, end::End, memory};
use local::System;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The number of events, or commands, whose latency is measured.
const SAMPLES: usize = 31;

/// Returns the memory of the whole system without load, in MB.
pub async fn idle_memory(system: &System) -> Option<u64> {
    tokio::time::sleep(Duration::from_millis(300)).await;
    let functions = system.function_pids();
    let pids = functions.into_iter().map(|(_, pid)| pid);
    memory::megabytes(pids.chain([std::process::id()]))
}

/// Returns the median time from posting an event to a row that contains it.
pub async fn latency(client: &Client) -> Result<Duration, End> {
    let mut times = Vec::new();
    for nth in 0..SAMPLES {
        let event = json!({
            "specversion": "1.0",
            "id": format!("latency/{nth}"),
            "source": "/demo",
            "type": "vote-cast",
            "subject": format!("poll-latency.{nth}"),
            "data": {"user": "ann", "choice": "chips"},
        });
        let posted = Instant::now();
        let media = "application/cloudevents+json";
        client.post_ok("/events", media, &event, 202).await?;
        wait_for_row(client, "basic-sum", &format!("latency.{nth}"), 1).await?;
        times.push(posted.elapsed());
    }
    times.sort_unstable();
    Ok(times[SAMPLES / 2])
}

/// Returns the median time from a command to its answer, with its events
/// recorded and published, for an aggregate that the function knows. Each has a
/// key.
pub async fn command(client: &Client) -> Result<Duration, End> {
    let path = "/commands/application/measured";
    let send = async |command: &Value| {
        let media = "application/json";
        client.post_ok(path, media, command, 200).await
    };
    let data = json!({"owner": "ann", "name": "measured"});
    send(&json!({"type": "create-application", "data": data})).await?;
    let mut times = Vec::new();
    for nth in 0..SAMPLES {
        let plan = ["paid", "free"][nth % 2];
        let command = json!({"type": "change-plan", "data": {"plan": plan}});
        let posted = Instant::now();
        send(&command).await?;
        times.push(posted.elapsed());
    }
    times.sort_unstable();
    Ok(times[SAMPLES / 2])
}
