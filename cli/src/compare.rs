//! `rewind compare`: compares two generations of a projection, such as the one
//! that serves and the one that a playback has built.

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
    out::say,
    progress,
};
use clap::Args as ClapArgs;
use rewind::Target;
use rewind_aws::generation::{
    compare,
    comparison::{Comparison, Differing, Held, Side},
    cursor::Cursor,
    lifecycle,
};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long one part of the comparison takes. The progress is shown after each.
const PART_TIME: Duration = Duration::from_millis(500);

/// What is compared, and how the result is shown.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The projection.
    projection: String,
    /// A generation. Default: the one that serves.
    #[arg(requires = "b")]
    a: Option<u64>,
    /// The other generation. Default: the one that is being built, or else the
    /// one that served before.
    b: Option<u64>,
    /// How many differing rows are shown.
    #[arg(long, default_value_t = 10)]
    sample: usize,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Compares. Generations that differ are no success.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let ([a, b], found) = all(args, domain).await?;
    match args.json {
        true => show_json([&a, &b], &found)?,
        false => show([&a, &b], &found)?,
    }
    match found.is_equal() {
        true => Ok(()),
        false => Err(End::NotDone),
    }
}

/// Compares all rows, part by part.
async fn all(args: &Args, domain: Domain) -> Result<([Target; 2], Comparison), End> {
    let deployment = args.deployment.open(domain, &[Part::DataTable]).await?;
    let (name, store) = (&args.projection, &deployment.store);
    deployment.projection(name)?;
    let known = lifecycle::of(store, name).await?;
    let targets = compare::chosen(name, &known, args.a, args.b)?;
    let [a, b] = &targets;
    let spinner = progress::spinner("rows compared");
    let mut found = Comparison::default();
    let mut from = Some(Cursor::default());
    while let Some(cursor) = from {
        let left = args.sample.saturating_sub(found.sample.len());
        let started = Instant::now();
        let has_time = || started.elapsed() < PART_TIME;
        let part = compare::compare(store, [a, b], left, cursor, has_time);
        let (part, next) = part.await?;
        found += part;
        spinner.set_position(found.a.rows.max(found.b.rows));
        from = next;
    }
    spinner.finish_and_clear();
    Ok((targets, found))
}

fn show_json([a, b]: [&Target; 2], found: &Comparison) -> Outcome {
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
    say!("{all}")
}

fn show(targets: [&Target; 2], found: &Comparison) -> Outcome {
    let [a, b] = targets.map(ToString::to_string);
    let width = a.len().max(b.len()).max(16);
    say!("  {:<10} {a:>width$} {b:>width$}", "")?;
    let [sum_a, sum_b] = [found.a, found.b].map(|held| held.checksum.to_string());
    let rows = [found.a.rows, found.b.rows].map(|rows| rows.to_string());
    let only = [found.only_a, found.only_b].map(|only| only.to_string());
    for (what, [a, b]) in [
        ("rows", rows),
        ("only here", only),
        ("checksum", [sum_a, sum_b]),
    ] {
        say!("  {what:<10} {a:>width$} {b:>width$}")?;
    }
    for Differing { key, a, b } in &found.sample {
        say!("{key}")?;
        for (target, side) in targets.iter().zip([a, b]) {
            say!("  {target}  {}", described(side.as_ref()))?;
        }
    }
    let differing = found.only_a + found.only_b + found.different;
    let (shown, different) = (found.sample.len(), found.different);
    match differing {
        0 => say!("Equal."),
        _ => say!("{differing} rows differ, {different} of them in both; {shown} are shown."),
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
