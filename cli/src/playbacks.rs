//! `rewind playbacks`: lists playbacks, the newest first.

use crate::{
    deployment::{self, Part, Question},
    domain::Domain,
    end::Outcome,
    listed::{self, Listed},
    out::{note, say},
    progress::drawn,
    read::on_one_line,
};
use clap::Args as ClapArgs;
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

/// Lists playbacks.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::DataTable]).await?;
    let question = Question::to("GET /playbacks");
    let show = |playback: &RawValue| match args.json {
        true => say!("{}", on_one_line(playback.get())),
        false => say!("{}", words(&deployment::read(playback.get())?)),
    };
    let listed = listed::each(&deployment, &question, args.limit, PAGE, show).await?;
    match (args.json, listed) {
        (false, Listed { is_empty: true, .. }) => {
            note!("nothing was played back in the last 30 days");
        }
        (false, Listed { has_more: true, .. }) => note!("there are more: --limit N shows them"),
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
