//! `rewind demo`: sends events through the whole system, deletes the data store,
//! rebuilds it, and compares every number with a count of its own.

mod measure;
mod rows;
mod show;
mod votes;
mod wait;

use crate::{
    client::Client,
    end::{End, Outcome},
    out::say,
    up,
};
use clap::Args as ClapArgs;
use local::{State, System};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use votes::{Count, Votes};
use wait::{wait_for, wait_for_row};

/// Votes in one request.
const BATCH: usize = 50;

/// The options of the demonstration.
#[derive(ClapArgs)]
pub struct Args {
    /// The number of voters. Half of them vote twice, and one vote in five is
    /// not valid.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    voters: u32,
    /// The seed of the votes. The same seed gives the same votes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The description of the deployment.
    #[arg(long, default_value = "template.yaml", env = "REWIND_TEMPLATE")]
    template: PathBuf,
}

/// Runs the demonstration. A wrong number is an error.
pub fn run(args: &Args, started: Instant) -> Outcome {
    up::init_log();
    let options = up::options(&args.template, 0, State::Ephemeral, None)?;
    up::runtime()?.block_on(async {
        let system = System::start(options)
            .await
            .map_err(|error| End::Failed(error.to_string()))?;
        let ready = started.elapsed();
        say!("Rewind is ready at {}", system.url())?;
        let outcome = tell(args, &system, ready).await;
        system.stop().await;
        outcome
    })
}

async fn tell(args: &Args, system: &System, ready: Duration) -> Outcome {
    let client = Client::new(system.url());
    let idle = measure::idle_memory(system).await;

    say!("\n1. A shop posts raw inputs; an adapter makes facts of them")?;
    shop(&client).await?;

    say!("\n2. A poll of {} voters", args.voters)?;
    let votes = Votes::new(args.voters as usize, args.seed);
    poll(&client, &votes).await?;
    let counted = check_poll(&client, &votes).await?;
    show::results(&counted)?;
    let latency = measure::latency(&client).await?;

    say!("\n3. The data store is deleted and rebuilt from the events")?;
    rebuild(system, &client).await?;

    say!("\nMeasured")?;
    say!("  from start to ready      {:>5} ms", ready.as_millis())?;
    say!("  event to projection, p50 {:>5} ms", latency.as_millis())?;
    match idle {
        Some(megabytes) => say!("  idle memory, all of it   {megabytes:>5} MB")?,
        None => say!("  idle memory, all of it   this system does not say")?,
    }
    say!("\nAll numbers are as they have to be.")?;
    Ok(())
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

/// Deletes all rows, plays everything back, and compares.
async fn rebuild(system: &System, client: &Client) -> Outcome {
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

fn expect(what: &str, found: &Value, expected: &Value) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(End::Refused(format!(
        "{what}: expected {expected}, found {found}"
    )))
}
