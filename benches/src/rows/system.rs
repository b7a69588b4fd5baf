//! Rows 5, 6 and 8: the whole system with more and more events, in, replayed and
//! verified. `rewind demo --events N` does it, and tells what each process took.

use crate::{
    Plan, Result, program,
    table::{Figure, Line, Target},
};
use serde_json::Value;
use std::process::Stdio;
use tokio::process::Command;

/// The functions, by what they take part in.
const IN: [&str; 4] = ["ingest", "pump", "write", "microservice"];
const REPLAY: [&str; 3] = ["playback", "write", "microservice"];

/// Measures it.
pub async fn measure(plan: &Plan) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut runs: Vec<(u64, Value)> = Vec::new();
    for events in &plan.events {
        eprintln!("  {events} events");
        runs.push((*events, run(*events).await?));
    }
    let Some((fewest, first)) = runs.first() else {
        return Ok(lines);
    };
    for (events, told) in &runs {
        for (row, phase, what, functions) in [
            (5, "in rows", "in", &IN[..]),
            (5, "replayed", "replayed", &REPLAY[..]),
        ] {
            let rate = *events as f64 / number(told, phase, "seconds", None);
            let name = format!("local system, {events} events {what}");
            lines.push(Line::alone(row, name, "events/s", Figure::exact(rate)));
            for function in functions {
                let of = |told| number(told, phase, "micros_cpu_an_event", Some(function));
                let name = format!("{function}, {events} events {what}");
                let line = Line::alone(6, name, "µs CPU an event", Figure::exact(of(told)));
                lines.push(match events == fewest {
                    true => line,
                    false => line
                        .beside(format!("with {fewest}"), Figure::exact(of(first)))
                        .reaching(Target::RatioAtMost(1.2)),
                });
            }
        }
        for function in ["write", "playback"] {
            let of = |told| number(told, "replayed", "megabytes_at_most", Some(function));
            let name = format!("{function}, most memory with {events} events");
            let line = Line::alone(8, name, "MB", Figure::exact(of(told)));
            lines.push(line);
            if events != fewest {
                let grown = of(told) - of(first);
                let name = format!("{function}, memory grown from {fewest} to {events} events");
                let line = Line::alone(8, name, "MB", Figure::exact(grown));
                lines.push(line.reaching(Target::AtMost(4.0)));
            }
        }
        let rate = *events as f64 / number(told, "verified", "seconds", None);
        let name = format!("verify, {events} events");
        lines.push(Line::alone(5, name, "events/s", Figure::exact(rate)));
    }
    Ok(lines)
}

async fn run(events: u64) -> Result<Value> {
    let output = Command::new(program("rewind")?)
        .args(["demo", "--json", "--events", &events.to_string()])
        .env(
            "REWIND_TEMPLATE",
            concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml"),
        )
        .stderr(Stdio::inherit())
        .output()
        .await?;
    if !output.status.success() {
        return Err(format!("rewind demo --events {events}: {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A figure of a phase; of a function's processes, where one is named.
fn number(told: &Value, phase: &str, what: &str, function: Option<&str>) -> f64 {
    let phases = told["phases"].as_array().into_iter().flatten();
    let mut phases = phases.filter(|told| told["phase"] == phase);
    let figure = phases.next().map(|told| match function {
        Some(function) => &told[what][format!("rewind-{function}")],
        None => &told[what],
    });
    figure.and_then(Value::as_f64).unwrap_or(f64::NAN)
}
