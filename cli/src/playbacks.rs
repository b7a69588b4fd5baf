//! `rewind playbacks`: lists playbacks, the newest first.

use crate::{
    deployment::{self, Part, Question},
    domain::Domain,
    end::Outcome,
    out::{note, say},
    progress::drawn,
    read::on_one_line,
};
use clap::Args as ClapArgs;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// The most playbacks of one answer.
const PAGE: u64 = 100;

/// How many playbacks.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The most playbacks.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// JSON Lines for machines: a playback a line.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Playbacks {
    playbacks: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// Lists playbacks.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::DataTable]).await?;
    let mut left = args.limit;
    let mut cursor: Option<String> = None;
    let mut is_empty = true;
    loop {
        let limit = left.min(PAGE).to_string();
        let mut question = Question::to("GET /playbacks").parameter("limit", &limit);
        if let Some(cursor) = &cursor {
            question = question.parameter("cursor", cursor);
        }
        let page: Playbacks = deployment.asked(&question).await?;
        for playback in &page.playbacks {
            match args.json {
                true => say!("{}", on_one_line(playback.get()))?,
                false => say!("{}", words(&deployment::read(playback.get())?))?,
            }
        }
        is_empty &= page.playbacks.is_empty();
        left = left.saturating_sub(page.playbacks.len() as u64);
        cursor = page.next;
        if cursor.is_none() || left == 0 {
            break;
        }
    }
    match (args.json, is_empty, cursor) {
        (false, true, _) => note!("nothing was played back in the last 30 days"),
        (false, false, Some(_)) => note!("there are more: --limit N shows them"),
        _ => {}
    }
    Ok(())
}

fn words(playback: &Value) -> String {
    let word = |name: &str| playback[name].as_str().unwrap_or_default();
    let to = playback["to"].as_array().into_iter().flatten();
    let to: Vec<String> = to.map(receiver).collect();
    let bar = drawn(playback["progress"].as_f64().unwrap_or_default());
    let reason = match word("reason") {
        "" => String::new(),
        why => format!(": {why}"),
    };
    let dry = match playback["request"]["dry_run"] == true {
        true => ", dry run",
        false => "",
    };
    format!(
        "{}  {}  {bar}  {}{dry}  {} events to {}{reason}",
        word("id"),
        word("started"),
        word("state"),
        playback["events"],
        to.join(", "),
    )
}

fn receiver(to: &Value) -> String {
    match (to["projection"].as_str(), to["subscriber"].as_str()) {
        (Some(projection), _) => format!("{projection}@{}", to["generation"]),
        (None, Some(subscriber)) => format!("subscriber {subscriber}"),
        (None, None) => "microservice".into(),
    }
}
