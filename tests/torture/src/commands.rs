//! Commands instead of events: many clients send each one to three times under
//! its key, while microservice is killed. At the end each key has one outcome,
//! which is what every client was told, and all that was decided is in every
//! projection.

mod check;
mod load;
mod plan;

use crate::{Args, audit, faults, kills, memory, tables, wait_until_published};
use load::Sent;
use local::System;
use plan::Plan;
use rewind_cli::{
    client::Client,
    exit::{End, Outcome},
    progress,
};
use std::{sync::Arc, time::Instant};

/// The function that decides, and is killed.
const MICROSERVICE: &str = "microservice";

/// Sends commands, and checks what became of them.
pub async fn torture(args: &Args, seed: u64, system: &Arc<System>, log: &faults::Log) -> Outcome {
    let plan = Plan::new(seed, args.commands, args.aggregates);
    let killer = kills::start(system, args.kill_every, seed, Some(MICROSERVICE));
    let memory = memory::start(system);
    let started = Instant::now();
    let sent = send(args, &plan, system).await;
    let answered_after = started.elapsed();
    let killed = killer.stop().await;
    let tables = tables(system).await?;
    let quiet = wait_until_published(args.commands, system, &tables).await;
    let (quiet_after, peaks) = (started.elapsed(), memory.stop().await);
    println!("sent      {sent}");
    println!(
        "took      {:.1} s to answer ({:.0} commands/s), {:.1} s to quiet",
        answered_after.as_secs_f64(),
        args.commands as f64 / answered_after.as_secs_f64(),
        quiet_after.as_secs_f64(),
    );
    for (function, peak) in peaks {
        println!("memory    {function} at most {peak}");
    }
    println!("faults    {}", log.counts(killed)?);
    let counts = audit(&tables).await?;
    let client = Client::new(system.url());
    let checked = check::check(&plan, &sent, &tables.events, &client, &counts).await?;
    println!("outcomes  {}", checked.outcomes);
    for problem in &checked.problems {
        println!("{problem}");
    }
    quiet?;
    if !counts.is_clean() || !checked.problems.is_empty() {
        return Err(End::Refused("violations were found".into()));
    }
    println!("Every command has one outcome, and all have read what was decided.");
    Ok(())
}

/// Sends all commands from several clients at once.
async fn send(args: &Args, plan: &Plan, system: &System) -> Sent {
    let sent = Sent::new(args.commands);
    let bar = progress::bar("answered", args.commands);
    let client = Client::new(system.url());
    let clients = (0..args.clients).map(|nth| load::client(nth, plan, &client, &sent, &bar));
    futures::future::join_all(clients).await;
    bar.finish_and_clear();
    sent
}
