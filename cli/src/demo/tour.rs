//! The story of carts and polls: raw inputs, facts, a rebuild, and what all of it
//! takes.

use super::{
    expect, measure, rebuild, show,
    votes::{self, Count, Votes},
    wait::{wait_for, wait_for_row},
};
use crate::{
    client::Client,
    end::{End, Outcome},
    out::say,
};
use local::System;
use serde_json::{Value, json};
use std::time::Duration;

/// Votes in one request.
const BATCH: usize = 50;

/// Tells it with the votes of some voters.
pub async fn tell(votes: &Votes, system: &System, ready: Duration) -> Outcome {
    let client = Client::new(system.url());
    let idle = measure::idle_memory(system).await;

    say!("\n1. A shop posts raw inputs; an adapter makes facts of them")?;
    shop(&client).await?;

    say!("\n2. A poll of {} voters", votes.voters())?;
    poll(&client, votes).await?;
    let counted = check_poll(&client, votes).await?;
    show::results(&counted)?;
    let latency = measure::latency(&client).await?;

    say!("\n3. The data store is deleted and rebuilt from the events")?;
    rebuild::rebuild(system, &client, &[]).await?;

    say!("\nMeasured")?;
    say!("  from start to ready      {:>5} ms", ready.as_millis())?;
    say!("  event to projection, p50 {:>5} ms", latency.as_millis())?;
    match idle {
        Some(megabytes) => say!("  idle memory, all of it   {megabytes:>5} MB"),
        None => say!("  idle memory, all of it   this system does not say"),
    }
}

/// Posts the shop's inputs one at a time and waits for the cart.
async fn shop(client: &Client) -> Outcome {
    for input in votes::shopping() {
        say!("  POST /inputs/shop {input}")?;
        let accepted = client
            .post_ok("/inputs/shop", "application/json", &input, 202)
            .await?;
        expect(
            "the input's stream",
            &accepted["stream"],
            &json!("input:shop-456"),
        )?;
    }
    let row = wait_for_row(client, "carts", "456", 3).await?;
    say!("  GET /projections/carts/456 {}", row["state"])?;
    expect("the cart", &row["state"], &votes::cart())?;
    let stream = wait_for(client, "/streams/order-789", |body| {
        body["events"]
            .as_array()
            .is_some_and(|events| events.len() == 1)
    });
    let opened = &stream.await?["events"][0]["type"];
    expect(
        "what the rule emitted after the order",
        opened,
        &json!("order-opened"),
    )
}

/// Sends the votes in batches, in order, and waits until all are counted.
async fn poll(client: &Client, votes: &Votes) -> Outcome {
    let events = votes.events("poll-lunch");
    let bar = show::bar("sent", events.len() as u64);
    for batch in events.chunks(BATCH) {
        let media = "application/cloudevents-batch+json";
        client.post_ok("/events", media, &json!(batch), 202).await?;
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    say!("  sent {} votes, and that voting has stopped", votes.len())?;
    let bar = show::bar("counted", events.len() as u64);
    for projection in ["basic-sum", "one-vote-sum", "valid-choice-sum"] {
        let path = format!("/projections/{projection}/lunch");
        let counted = |body: &Value| {
            let watermark = body["watermark"].as_u64().unwrap_or_default();
            bar.set_position(watermark);
            watermark == events.len() as u64
        };
        wait_for(client, &path, counted).await?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Compares the poll's rows with the demonstration's own count.
async fn check_poll(client: &Client, votes: &Votes) -> Result<Vec<(&'static str, Count)>, End> {
    let mut counted = Vec::new();
    for (projection, expected) in votes.expected() {
        let row = client
            .get_ok(&format!("/projections/{projection}/lunch"))
            .await?;
        let state = &row["state"];
        let total: u64 = expected.values().sum();
        expect(projection, &state["votes"], &json!(expected))?;
        expect(projection, &state["total"], &json!(total))?;
        expect(projection, &state["finished"], &json!(true))?;
        counted.push((projection, expected));
    }
    Ok(counted)
}
