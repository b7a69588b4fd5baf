//! Row 6: partitions side by side, where each request takes 50 ms longer. With the
//! cores free, so many partitions should do so many times as much.

use super::{append::record, reading};
use crate::{
    Plan, Result,
    engine::Engine,
    table::{Figure, Line, Target},
};
use instructions::{Ids, events_from};
use rewind::{
    StreamName,
    stream::{PARTITIONS, partition_name},
};
use rewind_aws::{sequence::sequencer::Sequencer, wiring::Clients};
use std::time::Instant;

/// Events of a batch of pump's, its streams, and batches of a shard.
const BATCH: usize = 100;
const STREAMS: usize = 10;
const BATCHES: usize = 10;

/// Measures it.
pub async fn measure(plan: &Plan) -> Result<Vec<Line>> {
    let engine = Engine::start().await?;
    let clients = Clients::at(&engine.at.slow_dynamodb, &engine.at.kinesis).await;
    let mut lines = Vec::new();
    for (what, is_pump) in [
        ("pump, shards side by side, 50 ms more a request", true),
        (
            "a playback reads, partitions side by side, 50 ms more a request",
            false,
        ),
    ] {
        let mut rates: [Figure; 4] = Default::default();
        for round in 0..plan.rounds {
            for (nth, rate) in (1..=4).zip(&mut rates) {
                let prefix = format!("s{round}.{nth}.");
                rate.push(match is_pump {
                    true => pump(&engine, &clients, &prefix, nth).await?,
                    false => read(&engine, &clients, nth).await?,
                });
            }
        }
        let [one, more @ ..] = rates;
        lines.push(Line::alone(
            6,
            format!("{what}: 1"),
            "events/s",
            one.clone(),
        ));
        for (nth, rate) in (2_u8..).zip(more) {
            let line = Line::alone(6, format!("{what}: {nth}"), "events/s", rate);
            let line = line.beside("1", one.clone());
            // Eight partitions, three at once, are three rounds: 2.7 times as fast.
            let ideal = match is_pump {
                true => f64::from(nth),
                false => f64::from(PARTITIONS) / f64::from(PARTITIONS.div_ceil(nth)),
            };
            let least = (0.9 * ideal * 100.0).round() / 100.0;
            lines.push(line.reaching(Target::TimesMore(least)));
        }
    }
    Ok(lines)
}

/// Events a second of so many shards, each with a process of its own.
async fn pump(engine: &Engine, clients: &Clients, prefix: &str, shards: usize) -> Result<f64> {
    let mut works = Vec::new();
    for shard in 0..shards {
        let prefix = format!("{prefix}{shard}.");
        let first = events_from(&prefix, STREAMS, STREAMS, 1, Ids::Numbers);
        record(&Sequencer::new(engine.events(&engine.clients)), &first).await?;
        let events = events_from(&prefix, BATCH * BATCHES, STREAMS, 2, Ids::Numbers);
        works.push((Sequencer::new(engine.events(clients)), events));
    }
    let since = Instant::now();
    let works = works.into_iter().map(|(sequencer, events)| async move {
        for batch in events.chunks(BATCH) {
            record(&sequencer, batch).await?;
        }
        Ok::<(), crate::Error>(())
    });
    futures::future::try_join_all(works).await?;
    let events = shards * BATCH * BATCHES;
    Ok(events as f64 / since.elapsed().as_secs_f64())
}

/// Events a second of a reader of the whole category, so many partitions at once.
async fn read(engine: &Engine, clients: &Clients, at_once: usize) -> Result<f64> {
    let store = &engine.events(&engine.clients);
    if store.last_entry("order#0", u64::MAX >> 1).await?.is_none() {
        fill(engine).await?;
    }
    let store = engine.events(clients);
    let since = Instant::now();
    let events = reading::read(&store, "order", at_once).await?;
    Ok(events as f64 / since.elapsed().as_secs_f64())
}

/// History to be read, in partitions of one length: twenty streams in each.
async fn fill(engine: &Engine) -> Result<()> {
    let sequencer = Sequencer::new(engine.events(&engine.clients));
    let mut events = events_from("f", 8_000, 1, 1, Ids::Claims);
    let mut streams: Vec<StreamName> = Vec::new();
    for nth in 0..PARTITIONS {
        let name = partition_name("order", nth);
        let names = (0..).map(|nth| StreamName::new(format!("order-f{nth}")));
        let own = names.flatten().filter(|stream| stream.partition() == name);
        streams.extend(own.take(20));
    }
    for (nth, event) in events.iter_mut().enumerate() {
        event.stream = streams[nth % streams.len()].clone();
        event.id = format!("fill-{nth}");
    }
    for batch in events.chunks(500) {
        record(&sequencer, batch).await?;
    }
    Ok(())
}
