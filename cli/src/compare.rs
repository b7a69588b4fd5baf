//! `rewind compare`: two generations of a projection side by side, such as
//! what serves and what a playback has built.

use crate::{Domain, deployment, progress, up};
use clap::Args as ClapArgs;
use rewind::Target;
use rewind_aws::{
    compare::{self, Comparison, Cursor, Differing, Held, Side},
    generations,
};
use serde_json::json;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// The exit code when they differ.
const DIFFERENT: u8 = 1;

/// The exit code when there was nothing to compare, or not all could be read.
const UNREADABLE: u8 = 2;

/// How long rows are compared between two looks at the progress.
const STEP: Duration = Duration::from_millis(500);

/// What is compared, and how it is told.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    deployment: deployment::Args,
    /// The projection.
    projection: String,
    /// A generation; without a word, the one that serves.
    #[arg(requires = "b")]
    a: Option<u64>,
    /// The other one; without a word, the one that is being built, or else the
    /// one that served before.
    b: Option<u64>,
    /// How many differing rows are shown.
    #[arg(long, default_value_t = 10)]
    sample: usize,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Compares. Exit code 1 says that they differ, 2 that not all was compared.
pub fn run(args: &Args, domain: Domain) -> ExitCode {
    up::init_log();
    let outcome = up::runtime().and_then(|runtime| runtime.block_on(all(args, domain)));
    match outcome {
        Ok(([a, b], found)) => {
            match args.json {
                true => show_json([&a, &b], &found),
                false => show([&a, &b], &found),
            }
            match found.is_equal() {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(DIFFERENT),
            }
        }
        Err(reason) => {
            eprintln!("rewind: {reason}");
            ExitCode::from(UNREADABLE)
        }
    }
}

/// Goes on until everything is compared.
async fn all(args: &Args, domain: Domain) -> Result<([Target; 2], Comparison), String> {
    let deployment = args.deployment.open(domain).await?;
    let (service, store) = (deployment.service, deployment.store);
    let name = &args.projection;
    if service.projection(name).is_none() {
        let known = service.projections().iter();
        let known: Vec<&str> = known.map(|projection| projection.name).collect();
        let known = known.join(", ");
        return Err(format!(
            "no projection is named {name:?}; there are {known}"
        ));
    }
    let known = generations::of(&store, name).await;
    let known = known.map_err(|error| error.to_string())?;
    let chosen = compare::chosen(name, &known, args.a, args.b);
    let targets = chosen.map_err(|problem| problem.detail)?;
    let [a, b] = &targets;
    let spinner = progress::spinner("rows compared");
    let mut found = Comparison::default();
    let mut from = Some(Cursor::default());
    while let Some(cursor) = from {
        let left = args.sample.saturating_sub(found.sample.len());
        let started = Instant::now();
        let has_time = || started.elapsed() < STEP;
        let part = compare::compare(&store, [a, b], left, cursor, has_time).await;
        let (part, next) = part.map_err(|error| error.to_string())?;
        found += part;
        spinner.set_position(found.a.rows.max(found.b.rows));
        from = next;
    }
    spinner.finish_and_clear();
    Ok((targets, found))
}

fn show_json([a, b]: [&Target; 2], found: &Comparison) {
    let held = |target: &Target, held: Held| json!({"generation": target.generation, "rows": held.rows, "checksum": held.checksum});
    let all = json!({
        "projection": a.projection,
        "equal": found.is_equal(),
        "a": held(a, found.a),
        "b": held(b, found.b),
        "only_a": found.only_a,
        "only_b": found.only_b,
        "different": found.different,
        "sample": found.sample,
    });
    println!("{all}");
}

fn show(targets: [&Target; 2], found: &Comparison) {
    let [a, b] = targets.map(ToString::to_string);
    let width = a.len().max(b.len()).max(16);
    println!("  {:<10} {a:>width$} {b:>width$}", "");
    println!(
        "  {:<10} {:>width$} {:>width$}",
        "rows", found.a.rows, found.b.rows
    );
    println!(
        "  {:<10} {:>width$} {:>width$}",
        "only here", found.only_a, found.only_b
    );
    let [sum_a, sum_b] = [found.a, found.b].map(|held| held.checksum.to_string());
    println!("  {:<10} {sum_a:>width$} {sum_b:>width$}", "checksum");
    for Differing { key, a, b } in &found.sample {
        println!("{key}");
        for (target, side) in targets.iter().zip([a, b]) {
            println!("  {target}  {}", described(side.as_ref()));
        }
    }
    let differing = found.only_a + found.only_b + found.different;
    let (shown, different) = (found.sample.len(), found.different);
    match differing {
        0 => println!("Equal."),
        _ => println!("{differing} rows differ, {different} of them in both; {shown} are shown."),
    }
}

fn described(side: Option<&Side>) -> String {
    match side {
        None => "no row".into(),
        Some(Side { watermark, state }) => match watermark {
            Some(watermark) => format!("at {watermark}: {state}"),
            None => state.to_string(),
        },
    }
}
