//! `rewind trace`: what led to an event, and what it has led to, as a tree.

use crate::{
    deployment::{self, Part, Question},
    domain::Domain,
    end::{End, Outcome},
    out::{note, say},
    read::on_one_line,
};
use clap::Args as ClapArgs;
use rewind::{RecordedEvent, StreamName};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Which event.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The event's stream.
    stream: StreamName,
    /// The event's version.
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    version: u64,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Trace {
    event: String,
    events: Vec<Traced>,
    more: bool,
}

#[derive(Deserialize)]
struct Traced {
    at: String,
    cause: Option<String>,
    event: RecordedEvent,
}

/// Prints the tree.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::EventsTable]).await?;
    let question = Question::to("GET /streams/{stream}/events/{version}/trace")
        .path("stream", args.stream.as_str())
        .path("version", &args.version.to_string());
    let text = deployment.ask(&question).await?;
    if args.json {
        return say!("{}", on_one_line(&text));
    }
    let trace: Trace = deployment::read(&text)?;
    Tree::of(&trace).show()?;
    if trace.more {
        note!("there are more events than are shown");
    }
    Ok(())
}

/// The events below their causes.
struct Tree<'a> {
    asked: &'a str,
    roots: Vec<&'a Traced>,
    below: BTreeMap<&'a str, Vec<&'a Traced>>,
}

impl<'a> Tree<'a> {
    fn of(trace: &'a Trace) -> Self {
        let places = trace.events.iter().map(|traced| traced.at.as_str());
        let places: BTreeSet<&str> = places.collect();
        let mut tree = Self {
            asked: &trace.event,
            roots: Vec::new(),
            below: BTreeMap::new(),
        };
        for traced in &trace.events {
            // A cause that is not shown makes a root of what it has led to.
            let cause = traced.cause.as_deref();
            match cause.filter(|cause| places.contains(cause) && *cause != traced.at) {
                Some(cause) => tree.below.entry(cause).or_default().push(traced),
                None => tree.roots.push(traced),
            }
        }
        tree
    }

    /// Prints the tree, without a call for each level: a chain may be long.
    fn show(&self) -> Result<(), End> {
        let mut waiting: Vec<(String, String, &Traced)> = Vec::new();
        for root in self.roots.iter().rev() {
            waiting.push((String::new(), String::new(), root));
        }
        let mut shown = BTreeSet::new();
        while let Some((first, rest, traced)) = waiting.pop() {
            // Causes that point at each other would never end.
            if !shown.insert(traced.at.as_str()) {
                continue;
            }
            let mark = if traced.at == self.asked { "  <--" } else { "" };
            let event = &traced.event.event;
            let (at, kind, time) = (&traced.at, &event.event_type, &event.time);
            say!("{first}{at}  {kind}  {time}{mark}")?;
            let below = self.below.get(traced.at.as_str());
            let below = below.map_or(&[] as &[_], Vec::as_slice);
            for (nth, child) in below.iter().enumerate().rev() {
                let (branch, stem) = match nth + 1 == below.len() {
                    true => ("└─ ", "   "),
                    false => ("├─ ", "│  "),
                };
                waiting.push((format!("{rest}{branch}"), format!("{rest}{stem}"), child));
            }
        }
        Ok(())
    }
}
