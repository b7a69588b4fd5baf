//! `rewind ledger`: what a gateway has sent outside, because of what, and what it
//! was answered.

use crate::{
    deployment::{self, Part},
    differences::short,
    domain::Domain,
    end::{End, Outcome},
    out::say,
};
use clap::Args as ClapArgs;
use rewind::StreamName;
use rewind_aws::{
    Error,
    gateway::ledger::{self, Entry},
};
use serde_json::json;

/// Commits of logs that are read in one go.
const PAGE: i32 = 100;

/// Whose ledger.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The gateway.
    gateway: String,
    /// Only the calls of this key, as the gateway gives it.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// JSON for machines instead of words: an object a line, and a last one with
    /// the number of calls.
    #[arg(long)]
    json: bool,
}

/// Prints a ledger, in recorded order.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::EventsTable]).await?;
    let name = &args.gateway;
    let Some(caller) = deployment.service.caller(name) else {
        let known = deployment.service.callers().iter();
        let known: Vec<&str> = known.map(|caller| caller.name).collect();
        let known = known.join(", ");
        return Err(End::Wrong(format!(
            "no gateway is named {name:?}; there are {known}"
        )));
    };
    if let Some(key) = &args.key {
        let log = StreamName::of(&caller.category, key);
        let log = log.map_err(|bad| End::Wrong(format!("--key: the stream's name {bad}")))?;
        let entries = ledger::of_log(&deployment.events, &log).await;
        let entries = entries.map_err(Error::from)?;
        for entry in &entries {
            show(entry, args.json)?;
        }
        return end(name, entries.len(), args.json);
    }
    let mut place = None;
    let mut count = 0;
    loop {
        let page = ledger::page(&deployment.events, caller, place, PAGE).await;
        let (entries, next) = page.map_err(Error::from)?;
        for entry in &entries {
            show(entry, args.json)?;
        }
        count += entries.len();
        place = next;
        if place.is_none() {
            return end(name, count, args.json);
        }
    }
}

/// The last line: how much there was; in words, only where there was nothing.
fn end(gateway: &str, calls: usize, as_json: bool) -> Outcome {
    match (as_json, calls) {
        (true, _) => say!("{}", json!({"gateway": gateway, "calls": calls})),
        (false, 0) => say!("nothing was asked of {gateway}"),
        (false, _) => Ok(()),
    }
}

fn show(entry: &Entry, as_json: bool) -> Outcome {
    if as_json {
        return say!("{}", json!(entry));
    }
    let Entry {
        stream,
        version,
        state,
        ..
    } = entry;
    let cause = entry.cause.as_deref().unwrap_or("nothing");
    let corrects = entry.corrects.as_ref();
    let corrects = corrects.map_or(String::new(), |corrects| {
        format!(", a correction by {}", corrects.run)
    });
    let reason = entry.reason.as_ref();
    let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
    say!("{stream}@{version} for {cause}{corrects} is {state}{reason}")?;
    for sent in &entry.sent {
        let answer = match (&sent.answer, &sent.ended) {
            (Some(answer), _) => format!("answered {}", answer.status),
            (None, Some(_)) => "given up".into(),
            (None, None) => "no answer is known".into(),
        };
        say!("  {} {}: {answer}", sent.at, short(&sent.request))?;
    }
    Ok(())
}
