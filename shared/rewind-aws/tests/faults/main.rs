//! The fault harness: the real handlers, through the real SDK, against the
//! embedded services, while requests get lost, services throttle and fail in
//! part, triggers repeat, reorder and lose, and functions die at any await.
//!
//! Each seed is one simulation. `REWIND_SEED=123` runs one alone,
//! `REWIND_SEEDS=1000` as many from the first on; 200 where nothing is said.

mod asker;
mod check;
mod client;
mod clockwork;
mod domain;
mod fact;
mod settings;
mod simulation;
#[path = "../support/mod.rs"]
mod support;
mod till;
mod trigger;
mod truth;
mod world;

use fault_layer::Kind;
use futures::{FutureExt, StreamExt, stream};
use settings::Settings;
use simulation::Report;
use std::{
    collections::BTreeMap,
    env,
    panic::AssertUnwindSafe,
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};
use support::Aws;
use tokio::{runtime, task::LocalSet};
use world::Services;

/// The threads that run seeds, and how many seeds each runs at once: most of a
/// seed's time is waiting.
const THREADS: usize = 2;
const CONCURRENCY: usize = 6;

/// How long a seed may take, many times of what it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many runs the search for a smaller failure may take.
const MAX_SMALLER: usize = 40;

#[test]
fn nothing_is_lost_and_nothing_happens_twice_whatever_fails() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse().unwrap());
    let seeds = match number("REWIND_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("REWIND_SEEDS").unwrap_or(200),
    };
    let began = Instant::now();
    // The services have a runtime of their own: a seed's clock is its own.
    let embedded = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let aws = &embedded.block_on(Aws::start());
    let seeds = &Mutex::new(seeds);
    let (reports, ended) = mpsc::channel();
    let mut total = Report::default();
    let mut count = 0;
    let mut failure = None;
    thread::scope(|threads| {
        for _ in 0..THREADS {
            let reports = reports.clone();
            threads.spawn(move || on_this_thread(run_all(aws, seeds, reports)));
        }
        drop(reports);
        for (settings, report) in ended {
            if report.violations.is_empty() {
                count += 1;
                total.add(report);
            } else if failure.is_none() {
                // No new seeds: the ones that run are waited for.
                seeds.lock().unwrap().by_ref().for_each(drop);
                failure = Some((settings, report));
            }
        }
    });
    let events = total.events;
    println!("{count} seeds, {events} events, {:.0?}", began.elapsed());
    print(&total.faults);
    if let Some((settings, report)) = failure {
        let (seed, violations) = (settings.seed, report.violations.join("\n  "));
        println!("seed {seed} fails:\n  {violations}");
        println!("alone: REWIND_SEED={seed} cargo test -p rewind-aws --test faults");
        let services = Services::connect(aws);
        let smallest = on_this_thread(shrink(&services, settings, report.violations));
        let (settings, violations) = (smallest.0, smallest.1.join("\n  "));
        println!("the smallest that fails:\n  {settings}\n  {violations}");
        panic!("seed {seed} fails");
    }
}

/// Runs a future whose parts stay on one thread, as on Lambda.
fn on_this_thread<F: Future>(future: F) -> F::Output {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.unwrap();
    runtime.block_on(LocalSet::new().run_until(future))
}

/// Runs seeds while there are any.
async fn run_all(
    aws: &Aws,
    seeds: &Mutex<std::ops::RangeInclusive<u64>>,
    reports: mpsc::Sender<(Settings, Report)>,
) {
    let services = &Services::connect(aws);
    let next = || Some(Settings::of(seeds.lock().unwrap().next()?));
    let runs = stream::iter(std::iter::from_fn(next)).map(|settings| async move {
        let report = run(services, &settings).await;
        (settings, report)
    });
    let runs = runs.buffer_unordered(CONCURRENCY);
    let sent = runs.for_each(|ended| {
        reports.send(ended).unwrap();
        futures::future::ready(())
    });
    sent.await;
}

/// Runs a simulation. A panic, and a run without an end, violate as well.
async fn run(services: &Services<'_>, settings: &Settings) -> Report {
    let run = AssertUnwindSafe(simulation::run(services, settings)).catch_unwind();
    let violation = match tokio::time::timeout(PATIENCE, run).await {
        Ok(Ok(report)) => return report,
        Ok(Err(panic)) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            format!("panicked: {}", words.unwrap_or_default())
        }
        Err(_) => format!("no end after {PATIENCE:?}"),
    };
    Report {
        violations: vec![violation],
        ..Report::default()
    }
}

/// Tries smaller settings as long as they fail as well. What depends on who
/// comes first may need a second try.
async fn shrink(
    services: &Services<'_>,
    mut settings: Settings,
    mut violations: Vec<String>,
) -> (Settings, Vec<String>) {
    let mut left = MAX_SMALLER;
    'smaller: loop {
        for candidate in settings.smaller() {
            for _ in 0..2 {
                if left == 0 {
                    return (settings, violations);
                }
                left -= 1;
                let report = run(services, &candidate).await;
                if !report.violations.is_empty() {
                    (settings, violations) = (candidate, report.violations);
                    continue 'smaller;
                }
            }
        }
        return (settings, violations);
    }
}

fn print(faults: &BTreeMap<(Kind, String), u64>) {
    println!("faults injected:");
    for kind in Kind::ALL {
        let of_kind = faults.iter().filter(|((of, _), _)| *of == kind);
        let of_kind: Vec<(&str, u64)> = of_kind
            .map(|((_, on), times)| (on.as_str(), *times))
            .collect();
        let total: u64 = of_kind.iter().map(|(_, times)| times).sum();
        let by_operation = of_kind.iter().map(|(on, times)| format!("{on} {times}"));
        let by_operation = by_operation.collect::<Vec<_>>().join(", ");
        println!("  {:<13} {total:>6}  {by_operation}", kind.name());
    }
}
