//! A client. It sends batches, repeats events, sends impostors, and sends each
//! event until the answer is 202.

use crate::{
    plan::Plan,
    sent::{Answer, Sent},
};
use indicatif::ProgressBar;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind_cli::client::Client;
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};

/// The most new events in one request.
const BATCH: u64 = 100;

/// The number of attempts for a batch.
const ATTEMPTS: u32 = 100;

/// An event of a request: its number, and whether it is an impostor.
type Item = (u64, bool);

/// Sends until all events are sent.
pub async fn client(
    nth: u64,
    plan: &Plan,
    client: &Client,
    sent: &Sent,
    bar: &ProgressBar,
) -> Result<(), String> {
    let mut dice = SmallRng::seed_from_u64(plan.seed().wrapping_add(nth + 1));
    loop {
        let new = sent.take(dice.random_range(1..=BATCH));
        if new.is_empty() {
            return Ok(());
        }
        let mut items: Vec<Item> = Vec::new();
        for number in new {
            items.push((number, false));
            // A repeat at once, a repeat much later, and an impostor of an old event.
            if dice.random_ratio(1, 20) {
                items.push((number, false));
                sent.repeats.fetch_add(1, Ordering::Relaxed);
            }
            let old = dice.random_range(0..=number);
            if dice.random_ratio(1, 20) && sent.event(old) == Answer::Accepted {
                items.push((old, false));
                sent.repeats.fetch_add(1, Ordering::Relaxed);
            }
            let old = dice.random_range(0..=number);
            if dice.random_ratio(1, 200) && sent.event(old) == Answer::Accepted {
                items.push((old, true));
            }
        }
        deliver(items, plan, client, sent, bar, &mut dice).await?;
    }
}

/// Sends a batch until all of it is accepted. Some clients give up.
async fn deliver(
    mut items: Vec<Item>,
    plan: &Plan,
    client: &Client,
    sent: &Sent,
    bar: &ProgressBar,
    dice: &mut SmallRng,
) -> Result<(), String> {
    let media = "application/cloudevents-batch+json";
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        let events = items.iter().map(|(number, is_impostor)| match is_impostor {
            true => plan.impostor(*number),
            false => plan.event(*number),
        });
        let body = json!(events.collect::<Vec<Value>>()).to_string();
        for (number, is_impostor) in &items {
            sent.answered(*number, *is_impostor, Answer::Unknown);
        }
        sent.requests.fetch_add(1, Ordering::Relaxed);
        match client.post("/events", media, body).await {
            Ok(answer) if matches!(answer.status, 202 | 207) => {
                let results = answer.body["results"].as_array().cloned();
                let results = results.unwrap_or_default();
                let mut rest = Vec::new();
                for (nth, (number, is_impostor)) in items.iter().copied().enumerate() {
                    match results.get(nth).map(|result| &result["status"]) {
                        Some(status) if status == 202 => {
                            let is_new = sent.answered(number, is_impostor, Answer::Accepted);
                            bar.inc(u64::from(is_new));
                        }
                        _ => rest.push((number, is_impostor)),
                    }
                }
                items = rest;
                last = answer.body.to_string();
            }
            Ok(answer) => {
                sent.failures.fetch_add(1, Ordering::Relaxed);
                last = format!("{}: {}", answer.status, answer.body);
            }
            Err(reason) => {
                sent.failures.fetch_add(1, Ordering::Relaxed);
                last = reason;
            }
        }
        if items.is_empty() {
            return Ok(());
        }
        if dice.random_ratio(1, 30) {
            // The client never learns whether these were accepted.
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(dice.random_range(1..200))).await;
    }
    last.truncate(
        last.char_indices()
            .nth(500)
            .map_or(last.len(), |(end, _)| end),
    );
    Err(format!(
        "a batch was refused {ATTEMPTS} times, at last: {last}"
    ))
}
