//! Many events: how fast they come in and are replayed, with how much memory, and
//! whether all of them are as they have to be.
//!
//! Nothing here grows with the number of events: polls are made, sent and counted
//! one after the other.

use super::{
    expect,
    processes::{Phases, Processes},
    show,
};
use crate::{
    client::Client,
    domain::Domain,
    end::{End, Outcome},
    out::say,
    verify,
};
use futures::{StreamExt, TryStreamExt, stream};
use local::System;
use rewind_aws::{audit::run::Audit, wiring::Clients};
use serde_json::{Value, json};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Events of a poll, and polls in a request.
const IN_POLL: u64 = 100;
const POLLS: u64 = 10;

/// Requests under way at once.
const CONCURRENCY: usize = 4;

/// How long the readers may make no progress.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is looked how far they are.
const INTERVAL: Duration = Duration::from_millis(200);

const CHOICES: [&str; 4] = ["ice cream", "chips", "gravel", "salad"];

/// The projections over polls.
const PROJECTIONS: [&str; 3] = ["basic-sum", "one-vote-sum", "valid-choice-sum"];

/// What is told.
pub struct Load<'a> {
    pub events: u64,
    pub system: &'a System,
    pub domain: Domain,
    /// One JSON object for machines instead of words.
    pub as_json: bool,
}

impl Load<'_> {
    /// Says something to people.
    pub fn say(&self, what: fmt::Arguments<'_>) -> Outcome {
        match self.as_json {
            true => Ok(()),
            false => say!("{what}"),
        }
    }
}

/// Tells it.
pub async fn tell(load: Load<'_>) -> Outcome {
    let processes = &Processes::default();
    let watching = async {
        loop {
            processes.look(load.system);
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::select! {
        () = watching => Ok(()),
        told = told(&load, processes) => told,
    }
}

async fn told(load: &Load<'_>, processes: &Processes) -> Outcome {
    let (events, system) = (load.events, load.system);
    let client = &Client::new(system.url());
    let polls = events.div_ceil(IN_POLL);
    load.say(format_args!("\n1. {events} votes in {polls} polls"))?;
    let mut phases = Phases::begin(load, processes);
    send(client, events).await?;
    phases.half("accepted")?;
    caught_up(client, events).await?;
    check(client, events).await?;
    phases.end("in rows")?;

    load.say(format_args!(
        "\n2. All of them are replayed, into new rows beside the old ones"
    ))?;
    phases.again();
    replay(client, events).await?;
    phases.end("replayed")?;
    for name in PROJECTIONS {
        compare(client, name, polls).await?;
    }

    load.say(format_args!("\n3. Every event and every row is verified"))?;
    phases.again();
    let table = |name: &str| {
        let missing = || End::Failed(format!("the template has no {name}"));
        system.table(name).ok_or_else(missing)
    };
    let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
    let events_table = clients.event_store(table("EventsTable")?);
    let audit = Audit::new(
        (load.domain)(),
        events_table,
        clients.data_store(table("DataTable")?),
    );
    let counts = verify::audited(&audit).await?;
    phases.end("verified")?;
    if !load.as_json {
        verify::show_counts(&counts)?;
    }
    expect("the events", &json!(counts.events), &json!(events))?;
    expect("violations", &json!(counts.is_clean()), &json!(true))?;
    match load.as_json {
        true => say!("{}", phases.json()),
        false => Ok(()),
    }
}

/// The events of a request: some polls, one after the other.
fn request(nth: u64, events: u64) -> Vec<Value> {
    let first = nth * IN_POLL * POLLS;
    let last = (first + IN_POLL * POLLS).min(events);
    let events = (first..last).map(|nth| {
        let (poll, vote) = (nth / IN_POLL, nth % IN_POLL + 1);
        let choice = CHOICES[(nth % 7 % 4) as usize];
        json!({
            // A producer that numbers its events needs no claims for them.
            "id": format!("#poll-load.{poll}/{vote}"),
            "source": "/demo",
            "type": "vote-cast",
            "subject": format!("poll-load.{poll}"),
            "data": {"user": format!("user-{}", nth % 97), "choice": choice},
        })
    });
    events.collect()
}

/// Sends all events, several requests at once. A poll is in one of them.
async fn send(client: &Client, events: u64) -> Outcome {
    let bar = &show::bar("sent", events);
    let requests = 0..events.div_ceil(IN_POLL * POLLS);
    let sent = stream::iter(requests).map(|nth| async move {
        let batch = request(nth, events);
        let media = "application/cloudevents-batch+json";
        let count = batch.len() as u64;
        client.post_ok("/events", media, &json!(batch), 202).await?;
        bar.inc(count);
        Ok::<(), End>(())
    });
    sent.buffer_unordered(CONCURRENCY)
        .try_collect::<()>()
        .await?;
    bar.finish_and_clear();
    Ok(())
}

/// Waits until no reader is behind.
async fn caught_up(client: &Client, events: u64) -> Outcome {
    let bar = show::bar("counted", events);
    let (mut least, mut since) = (u64::MAX, Instant::now());
    loop {
        let health = client.get_ok("/health").await?;
        let readers = health["readers"].as_array().into_iter().flatten();
        let behind = readers.filter_map(|reader| reader["events"].as_u64());
        let behind = behind.max().unwrap_or(u64::MAX);
        if behind == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        bar.set_position(events.saturating_sub(behind));
        if behind < least {
            (least, since) = (behind, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(End::Refused(format!("readers stay {behind} events behind")));
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Compares the first, the middle and the last poll with what was sent.
async fn check(client: &Client, events: u64) -> Outcome {
    let polls = events.div_ceil(IN_POLL);
    for poll in [0, polls / 2, polls - 1] {
        let votes = IN_POLL.min(events - poll * IN_POLL);
        let row = client
            .get_ok(&format!("/projections/basic-sum/load.{poll}"))
            .await?;
        expect("the votes of a poll", &row["state"]["total"], &json!(votes))?;
    }
    Ok(())
}

/// Replays all into new generations, which do not serve.
async fn replay(client: &Client, events: u64) -> Outcome {
    let to = PROJECTIONS.map(|name| json!({"projection": name}));
    let request = json!({"to": to, "activate": "by-hand"});
    let playback = client
        .post_ok("/playbacks", "application/json", &request, 202)
        .await?;
    let path = format!("/playbacks/{}", playback["id"].as_str().unwrap_or_default());
    let bar = show::bar("replayed", events);
    let (mut most, mut since) = (0, Instant::now());
    loop {
        let state = client.get_ok(&path).await?;
        let played = state["events"].as_u64().unwrap_or_default();
        bar.set_position(played);
        match state["state"].as_str() {
            // It waits for its operator then.
            Some("caught-up" | "completed") => break,
            Some("failed") => return Err(End::Refused(format!("the playback failed: {state}"))),
            _ => {}
        }
        if played > most {
            (most, since) = (played, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(End::Refused(format!(
                "the playback stays at {played} events"
            )));
        }
        tokio::time::sleep(INTERVAL).await;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Compares the rows of both generations.
async fn compare(client: &Client, projection: &str, polls: u64) -> Outcome {
    let (mut rows, mut cursor) = (0, String::new());
    loop {
        let path = format!("/comparisons/{projection}?a=1&b=2&sample=1{cursor}");
        let page = client.get_ok(&path).await?;
        for what in ["only_a", "only_b", "different"] {
            expect(&format!("{projection}, {what}"), &page[what], &json!(0))?;
        }
        rows += page["b"]["rows"].as_u64().unwrap_or_default();
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    expect(
        &format!("rows of {projection}"),
        &json!(rows),
        &json!(polls),
    )
}
