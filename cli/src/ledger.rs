//! `rewind ledger`: what a gateway has sent outside, because of what, and what it
//! was answered.

use crate::{
    deployment::{self, Deployment, Part},
    differences::short,
    domain::Domain,
    end::{End, Outcome},
    out::say,
};
use clap::Args as ClapArgs;
use rewind::{Caller, StreamName};
use rewind_aws::{
    Error,
    gateway::ledger::{self, Entry},
    playback::difference::beside::{Replayed, beside},
};
use serde_json::json;
use std::collections::BTreeMap;

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
    /// Also tells what a replay would send, with the code of today.
    #[arg(long)]
    compare: bool,
    /// JSON for machines instead of words: an object a line, and a last one with
    /// the number of calls.
    #[arg(long)]
    json: bool,
}

/// Prints a ledger, in recorded order.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::EventsTable]).await?;
    let name = &args.gateway;
    let caller = caller(&deployment, name)?;
    if let Some(key) = &args.key {
        let log = log_of(caller, key)?;
        let entries = ledger::of_log(&deployment.events, &log).await;
        let entries = entries.map_err(Error::from)?;
        show_all(&entries, caller, &deployment, args).await?;
        return end(name, entries.len(), args.json);
    }
    let mut place = None;
    let mut count = 0;
    loop {
        let page = ledger::page(&deployment.events, caller, place, PAGE).await;
        let (entries, next) = page.map_err(Error::from)?;
        show_all(&entries, caller, &deployment, args).await?;
        count += entries.len();
        place = next;
        if place.is_none() {
            return end(name, count, args.json);
        }
    }
}

/// The gateway of a name.
///
/// # Errors
///
/// When the domain has none.
pub fn caller<'d>(deployment: &'d Deployment, name: &str) -> Result<&'d Caller, End> {
    deployment.service.caller(name).ok_or_else(|| {
        let known = deployment.service.callers().iter();
        let known: Vec<&str> = known.map(|caller| caller.name).collect();
        let known = known.join(", ");
        End::Wrong(format!("no gateway is named {name:?}; there are {known}"))
    })
}

/// The log of a gateway's key.
///
/// # Errors
///
/// When no stream can have that name.
pub fn log_of(caller: &Caller, key: &str) -> Result<StreamName, End> {
    let log = StreamName::of(&caller.category, key);
    log.map_err(|bad| End::Wrong(format!("the key: the stream's name {bad}")))
}

async fn show_all(
    entries: &[Entry],
    caller: &Caller,
    deployment: &Deployment,
    args: &Args,
) -> Outcome {
    let (service, events) = (&deployment.service, &deployment.events);
    let replayed = match args.compare {
        true => beside(service, events, caller, entries).await?,
        false => BTreeMap::new(),
    };
    for entry in entries {
        let replayed = replayed.get(&entry.call);
        show(entry, replayed, args.json)?;
    }
    Ok(())
}

/// The last line: how much there was; in words, only where there was nothing.
fn end(gateway: &str, calls: usize, as_json: bool) -> Outcome {
    match (as_json, calls) {
        (true, _) => say!("{}", json!({"gateway": gateway, "calls": calls})),
        (false, 0) => say!("nothing was asked of {gateway}"),
        (false, _) => Ok(()),
    }
}

fn show(entry: &Entry, replayed: Option<&Replayed>, as_json: bool) -> Outcome {
    if as_json {
        let mut shown = json!(entry);
        if let Some(replayed) = replayed {
            shown["replay"] = json!(replayed);
        }
        return say!("{shown}");
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
    match replayed {
        Some(replayed) => show_replayed(replayed),
        None => Ok(()),
    }
}

fn show_replayed(replayed: &Replayed) -> Outcome {
    let about = replayed.about.as_ref();
    let about = about.map_or(String::new(), |about| format!(": {about}"));
    if replayed.sends.is_empty() {
        return say!("  a replay would send nothing{about}");
    }
    for request in &replayed.sends {
        say!("  a replay would send {}{about}", short(request))?;
    }
    Ok(())
}
