//! What Rewind costs: dollars at rest, for a million events in, and for a million
//! replayed.
//!
//! Events go through the functions' handlers and the embedded DynamoDB and
//! Kinesis. What AWS charges for is counted on the way: requests, capacity as
//! DynamoDB reports it, and records. `costs/prices.rs` has the prices, and
//! `template.yaml` what is deployed. `docs/deploy.md` shows what this prints:
//!
//! ```sh
//! cargo run --locked -p rewind-aws --example costs
//! ```

#[path = "costs/bill.rs"]
mod bill;
#[path = "costs/domain.rs"]
mod domain;
#[path = "costs/function.rs"]
mod function;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/capacity/meter.rs"]
mod meter;
#[path = "costs/prices.rs"]
mod prices;
#[path = "costs/rest.rs"]
mod rest;
#[path = "costs/source.rs"]
mod source;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "costs/system.rs"]
mod system;
#[path = "costs/workload.rs"]
mod workload;

use bill::{ACCESS_LOG, Bill, INVOCATION_LOG};
use function::Work;
use local::{Template, template::Model};
use rewind_aws::aws::clock::now;
use workload::{Counted, EVENT_BYTES, SHAPES};

type Result<T> = std::result::Result<T, lambda_runtime::Error>;

#[tokio::main]
async fn main() -> Result<()> {
    let template = Template::parse(include_str!("../../../template.yaml"))?;
    let model = template.model("rewind")?;
    let in_transaction = system::units_of_a_transaction(&model).await?;
    let mut counted = Vec::new();
    for shape in &SHAPES {
        counted.push(workload::count(shape, &model).await?);
    }
    print_counts(&counted);
    print_dollars(&counted, &model);
    print_rest(&template, &model, &counted)?;
    let build = match cfg!(debug_assertions) {
        true => "a debug build",
        false => "a release build",
    };
    let date = &now().to_string()[..10];
    println!("Counted on {date}. Prices: US East, on demand, without the free tier.");
    println!("Events of {EVENT_BYTES} bytes, one projection over one stream, one over many, one");
    println!("quiet rule; streams of four shards, batches of up to 100 records. A write in a");
    println!("transaction counts {in_transaction} units, as the embedded DynamoDB itself reports.");
    println!("Lambda's time is that of {build} on this machine, with the memory of");
    println!("template.yaml, and in no sum. Assumed: {INVOCATION_LOG} bytes of logs for an");
    println!("invocation beside its metrics, {ACCESS_LOG} for a request to the API.");
    println!("Not counted: queries, X-Ray, KMS requests, data transfer, storage of logs.");
    Ok(())
}

/// What each function took for an event.
fn print_counts(counted: &[Counted]) {
    println!(
        "| for an event | function | invocations | requests | read units | write units | Kinesis records | Kinesis KB | 25 KB units |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for one in counted {
        for (way, works) in [("in", &one.live), ("replayed", &one.replay)] {
            for work in works {
                print_work(one, way, work);
            }
        }
    }
    println!();
}

fn print_work(one: &Counted, way: &str, work: &Work) {
    let events = one.shape.events as f64;
    let reading = &work.reading;
    let counts = [
        work.invocations as f64,
        reading.all_requests() as f64,
        reading.read_units,
        reading.write_units,
        reading.put.records as f64,
        reading.put.kilobytes as f64,
        reading.put.payload_units as f64,
    ];
    let counts = counts.map(|count| format!("{:.3}", count / events));
    let (shape, name) = (one.shape.name, work.name);
    println!("| {shape}, {way} | {name} | {} |", counts.join(" | "));
}

/// A line of the bill.
type Part = fn(&Bill) -> f64;

/// What a million events cost.
fn print_dollars(counted: &[Counted], model: &Model) {
    let mut heads = vec!["dollars for a million events".to_string()];
    let mut bills = Vec::new();
    for one in counted {
        let (name, events) = (one.shape.name, one.shape.events);
        heads.push(format!("{name}, in"));
        bills.push(Bill::of(&one.live, one.api_requests, events, model));
        heads.push(format!("{name}, replayed"));
        bills.push(Bill::of(&one.replay, 0, events, model));
    }
    println!("| {} |", heads.join(" | "));
    println!("|{}", "---|".repeat(heads.len()));
    let parts: [(&str, Part); 10] = [
        ("HTTP API", |bill| bill.api),
        ("Lambda's invocations", |bill| bill.invocations),
        ("DynamoDB's write units", |bill| bill.write_units),
        ("DynamoDB's read units", |bill| bill.read_units),
        ("logs", |bill| bill.logs),
        ("Kinesis, provisioned", |bill| bill.payload_units),
        ("Kinesis, on demand", |bill| bill.gigabytes),
        ("**in all, provisioned streams**", Bill::provisioned),
        ("**in all, on-demand streams**", Bill::on_demand),
        ("Lambda's time, not in the sums", |bill| bill.time),
    ];
    for (what, part) in parts {
        let dollars = bills.iter().map(|bill| format!("{:.2}", part(bill)));
        let dollars: Vec<String> = dollars.collect();
        println!("| {what} | {} |", dollars.join(" | "));
    }
    let stored = counted.iter().map(|one| {
        let dollars = bill::storage(&one.stored, one.shape.events);
        format!("{dollars:.2} | –")
    });
    let stored: Vec<String> = stored.collect();
    println!("| storage, each month | {} |", stored.join(" | "));
    println!();
}

/// What a month costs without any event.
fn print_rest(template: &Template, model: &Model, counted: &[Counted]) -> Result<()> {
    let most = counted.iter().max_by_key(|one| one.shape.streams);
    let most = most.ok_or("nothing was counted")?;
    let (minutes, streams) = (&most.minutes, most.shape.streams);
    let lines = rest::lines(template, model, minutes, streams)?;
    println!("| dollars a month, at rest | provisioned streams | on-demand streams |");
    println!("|---|---|---|");
    let (mut provisioned, mut on_demand) = (0.0, 0.0);
    for line in lines {
        provisioned += line.provisioned;
        on_demand += line.on_demand;
        let (what, one, other) = (line.what, line.provisioned, line.on_demand);
        println!("| {what} | {one:.2} | {other:.2} |");
    }
    println!("| **in all** | {provisioned:.2} | {on_demand:.2} |");
    let time = rest::time(model, &minutes[1]);
    println!("| Lambda's time, not in the sums | {time:.2} | {time:.2} |");
    println!();
    Ok(())
}
