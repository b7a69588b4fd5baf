//! `rewind send`: sends events the way a client does, through the checks of
//! ingest, and says of each what became of it.

mod input;
mod wait;

use crate::{
    deployment::{self, Deployment, Part, Question},
    domain::Domain,
    end::{End, Outcome},
    out::say,
};
use clap::Args as ClapArgs;
use input::{Input, Items};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{path::PathBuf, time::Duration};

/// The media type of several events.
const BATCH: &str = "application/cloudevents-batch+json";

/// What is sent, and into which deployment.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// A file with one CloudEvent, a JSON array of them, or JSON Lines; `-` is
    /// standard input. Without it, the options below make one event.
    #[arg(conflicts_with_all = ["event_type", "subject", "data", "source", "id"])]
    file: Option<PathBuf>,
    /// The event's type, such as `vote-cast`.
    #[arg(long = "type", id = "event_type", value_name = "TYPE")]
    event_type: Option<String>,
    /// The event's stream, such as `poll-lunch`.
    #[arg(long, value_name = "STREAM")]
    subject: Option<String>,
    /// The event's data, as JSON.
    #[arg(long, value_name = "JSON")]
    data: Option<String>,
    /// Who says so: a URI reference. Default: `/cli`.
    #[arg(long, value_name = "URI")]
    source: Option<String>,
    /// The event's id: with the source, its identity. Default: a new one.
    #[arg(long)]
    id: Option<String>,
    /// Waits until the stream holds each event, for at most so many seconds.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// JSON Lines for machines: what became of each event, and a last line with
    /// the numbers.
    #[arg(long)]
    json: bool,
}

/// The answer of ingest to a batch.
#[derive(Deserialize)]
struct Answer {
    results: Vec<Value>,
}

/// What became of all events.
#[derive(Default)]
struct Sent {
    accepted: u64,
    refused: u64,
    /// Events that Kinesis did not take.
    unavailable: u64,
    /// The first refusal, in words.
    first: Option<String>,
}

/// Sends. A refused event is no success.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let mut items = args.items()?;
    // The events table answers before anything is sent.
    let parts = [Part::EventsTable, Part::IncomingStream];
    let deployment = args.deployment.open(domain, &parts).await?;
    deployment.confirm("send events", args.yes)?;
    let mut sent = Sent::default();
    let mut number = 0;
    loop {
        let (chunk, bad) = items.next_chunk();
        if !chunk.is_empty() {
            let mut results = batch(&deployment, &chunk).await?;
            if let Some(seconds) = args.wait {
                let patience = Duration::from_secs(seconds);
                wait::for_all(&deployment, &mut results, patience).await?;
            }
            for result in results {
                number += 1;
                sent.note(number, result, args.json)?;
            }
        }
        if let Some(detail) = bad {
            let problem = json!({"title": "not json", "detail": detail, "status": 400});
            sent.note(
                number + 1,
                json!({"status": 400, "problem": problem}),
                args.json,
            )?;
            break;
        }
        if items.is_at_end() {
            break;
        }
    }
    sent.end(args)
}

/// What became of each event of a batch.
async fn batch(deployment: &Deployment, chunk: &[Box<RawValue>]) -> Result<Vec<Value>, End> {
    let items: Vec<&str> = chunk.iter().map(|item| item.get()).collect();
    let body = format!("[{}]", items.join(","));
    let question = Question::to("POST /events").body(BATCH, body);
    let answer: Answer = deployment.ingest(&question).await?;
    Ok(answer.results)
}

impl Args {
    fn items(&self) -> Result<Items, End> {
        if let Some(file) = &self.file {
            return Input::open(file)?.items();
        }
        let missing = |option: &str| {
            End::Wrong(format!(
                "{option}: is needed, or a file with events, or `-` for standard input"
            ))
        };
        let event_type = self.event_type.as_ref().ok_or_else(|| missing("--type"))?;
        let subject = self.subject.as_ref();
        let subject = subject.ok_or_else(|| missing("--subject"))?;
        let mut event = json!({
            "specversion": "1.0", "source": self.source.as_deref().unwrap_or("/cli"),
            "type": event_type, "subject": subject,
        });
        if let Some(id) = &self.id {
            event["id"] = id.as_str().into();
        }
        let event = event.to_string();
        let event = match &self.data {
            None => event,
            Some(data) => {
                let data: &RawValue = serde_json::from_str(data)
                    .map_err(|error| End::Wrong(format!("--data: expected JSON: {error}")))?;
                // The data stays as it was written.
                format!("{},\"data\":{}}}", event.trim_end_matches('}'), data.get())
            }
        };
        let event = RawValue::from_string(event);
        let event = event.map_err(|error| End::Failed(error.to_string()))?;
        Ok(Items::one(event))
    }
}

impl Sent {
    /// Counts what became of an event, and prints it.
    fn note(&mut self, number: u64, mut result: Value, as_json: bool) -> Outcome {
        match result["status"].as_u64().unwrap_or_default() {
            200..300 => self.accepted += 1,
            status => {
                if status >= 500 {
                    self.unavailable += 1;
                } else {
                    self.refused += 1;
                }
                let words = refusal(number, &result["problem"]);
                self.first.get_or_insert(words);
            }
        }
        if as_json {
            result["item"] = number.into();
            return say!("{result}");
        }
        let problem = &result["problem"];
        if !problem.is_null() {
            return say!("{}", refusal(number, problem));
        }
        let word = |name: &str| result[name].as_str().unwrap_or_default();
        let (stream, source, id) = (word("stream"), word("source"), word("id"));
        match result["version"].as_u64() {
            Some(version) => say!("item {number}: recorded as {stream}@{version}  {source} {id}"),
            None => say!("item {number}: accepted for {stream}  {source} {id}"),
        }
    }

    fn end(self, args: &Args) -> Outcome {
        let Self {
            accepted,
            refused,
            unavailable,
            first,
        } = self;
        let all = accepted + refused + unavailable;
        if all == 0 {
            let why = "there are no events: expected one CloudEvent, a JSON array, or JSON Lines";
            return Err(End::Wrong(why.into()));
        }
        if args.json {
            let numbers =
                json!({"accepted": accepted, "refused": refused, "unavailable": unavailable});
            say!("{numbers}")?;
        }
        let first = first.unwrap_or_default();
        if refused > 0 {
            return Err(End::Refused(format!(
                "{refused} of {all} events were refused: {first}"
            )));
        }
        if unavailable > 0 {
            return Err(End::Failed(format!(
                "{unavailable} of {all} events were not taken: {first}"
            )));
        }
        Ok(())
    }
}

/// Which item is refused, which field of it, and why.
fn refusal(number: u64, problem: &Value) -> String {
    let detail = problem["detail"].as_str().unwrap_or("it is refused");
    match problem["field"].as_str().filter(|field| *field != "$") {
        Some(field) => format!("item {number}: {field}: {detail}"),
        None => format!("item {number}: {detail}"),
    }
}
