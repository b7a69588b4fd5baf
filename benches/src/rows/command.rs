//! Row 9: a command that is decided at once: read, decided, recorded with its
//! outcome, published.

use crate::{
    Plan, Result, cpu,
    engine::Engine,
    meter::Meter,
    table::{Figure, Line, Target},
};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::Builder;
use rewind::{StreamName, command::Command};
use rewind_aws::{
    command::commands::{Answer, Commands},
    wiring::Clients,
};
use serde_json::{json, value::to_raw_value};
use std::{collections::HashMap, time::Instant};

/// Commands of a round.
const COMMANDS: usize = 200;

/// Measures it: commands with keys, to one aggregate that the process knows.
pub async fn measure(plan: &Plan) -> Result<Vec<Line>> {
    let engine = Engine::start().await?;
    let commands = commands(&engine, &engine.clients);
    decide(
        &commands,
        "begin",
        &json!({"owner": "ann", "name": "bench"}),
        "create-application",
    )
    .await?;
    let mut own: [Figure; 3] = Default::default();
    let mut raw: [Figure; 3] = Default::default();
    for round in 0..plan.rounds {
        let mut times = Figure::default();
        let work = async {
            for nth in 0..COMMANDS {
                let since = Instant::now();
                change(&commands, &format!("{round}.{nth}"), nth).await?;
                times.push(since.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok::<(), crate::Error>(())
        };
        let (done, took) = cpu::during(work).await;
        done?;
        note(&mut own, cpu::micros(took.cpu, COMMANDS), &times);
        let mut times = Figure::default();
        let client = engine.clients.dynamodb();
        let work = async {
            for nth in 0..COMMANDS {
                let since = Instant::now();
                let item = HashMap::from([
                    (
                        "stream".to_string(),
                        AttributeValue::S(format!("command-{round}")),
                    ),
                    ("version".to_string(), AttributeValue::N(nth.to_string())),
                    (
                        "event".to_string(),
                        AttributeValue::S("{\"plan\":\"paid\"}".repeat(12)),
                    ),
                ]);
                engine.put(&client, item).await?;
                times.push(since.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok::<(), crate::Error>(())
        };
        let (done, took) = cpu::during(work).await;
        done?;
        note(&mut raw, cpu::micros(took.cpu, COMMANDS), &times);
    }
    let what = "a command at once, with a key";
    let beside = "a conditional PutItem";
    let [cpu, p50, p99] = own;
    let [raw_cpu, raw_p50, raw_p99] = raw;
    let mut lines = vec![
        Line::alone(9, what, "µs CPU", cpu).beside(beside, raw_cpu),
        Line::alone(9, what, "ms, p50", p50).beside(beside, raw_p50),
        Line::alone(9, what, "ms, p99", p99).beside(beside, raw_p99),
    ];
    lines.extend(counted(&engine).await?);
    Ok(lines)
}

/// Requests and units of a warm command.
async fn counted(engine: &Engine) -> Result<Vec<Line>> {
    let meter = Meter::around(Builder::new().build_http());
    let metered = meter.clone();
    let clients = engine
        .clients
        .clone()
        .map_config(|config| config.into_builder().http_client(metered).build());
    let commands = commands(engine, &clients);
    change(&commands, "warm", 0).await?;
    meter.take();
    change(&commands, "counted", 1).await?;
    let reading = meter.take();
    let of = |operations: &[&str]| {
        let counts = operations
            .iter()
            .filter_map(|name| reading.requests.get(*name));
        Figure::exact(counts.sum::<u64>() as f64)
    };
    let reads = of(&["BatchGetItem", "GetItem", "Query"]);
    let writes = of(&[
        "BatchExecuteStatement",
        "ExecuteTransaction",
        "PutItem",
        "PutRecords",
        "TransactWriteItems",
    ]);
    let what = "a command at once, with a key, warm";
    Ok(vec![
        Line::alone(9, what, "reads", reads).reaching(Target::AtMost(2.0)),
        Line::alone(9, what, "writes, with that to Kinesis", writes).reaching(Target::AtMost(2.0)),
        Line::alone(9, what, "read units", Figure::exact(reading.read_units)),
        Line::alone(9, what, "write units", Figure::exact(reading.write_units)),
    ])
}

fn note(figures: &mut [Figure; 3], cpu: f64, times: &Figure) {
    figures[0].push(cpu);
    figures[1].push(times.at(0.5));
    figures[2].push(times.at(0.99));
}

fn commands(engine: &Engine, clients: &Clients) -> Commands {
    let events = engine.events(clients);
    let data = clients.data_store(&engine.at.tables["DataTable"]);
    let published = clients.stream_named(&engine.at.streams["EventsStream"]);
    Commands::new(service::service(), events, data, published)
}

async fn change(commands: &Commands, key: &str, nth: usize) -> Result<()> {
    let plan = ["paid", "free"][nth % 2];
    decide(commands, key, &json!({ "plan": plan }), "change-plan").await
}

async fn decide(
    commands: &Commands,
    key: &str,
    data: &serde_json::Value,
    command_type: &str,
) -> Result<()> {
    let command = Command {
        id: format!("bench-{key}"),
        is_keyed: true,
        stream: StreamName::new("application-bench")?,
        command_type: command_type.into(),
        data: to_raw_value(data)?,
        at: rewind_aws::aws::clock::now(),
        expected: None,
        correlation: None,
        causation: None,
        depth: 0,
        is_imported: false,
    };
    let decider = commands
        .service()
        .decider("application")
        .ok_or("no aggregate")?;
    match commands.decide(decider, &command).await {
        Ok(Answer::Applied(_)) => Ok(()),
        Ok(answer) => Err(format!("not accepted: {answer:?}").into()),
        Err(failure) => Err(format!("it fails: {failure:?}").into()),
    }
}
