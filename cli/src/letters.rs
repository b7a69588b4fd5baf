//! `rewind dead-letters`: the batches that triggers have given up on. It lists
//! them, shows one, and puts the records of some onto their stream again.
//!
//! To put them again loses nothing and counts nothing twice: pump recognises an
//! event by its identity, and every reader by its watermark. A letter leaves the
//! list only when Kinesis holds all of its records.

mod letter;

use crate::{
    deployment::{self, Deployment, Part},
    domain::Domain,
    end::{End, Outcome},
    out::{note, say},
};
use clap::{Args as ClapArgs, ValueEnum};
use letter::Letter;
use rewind_aws::{
    aws::producer::Stream,
    data_table::dead_letter::{self, DeadLetter},
    playback::operations::What,
};
use serde_json::json;

/// The most letters that are listed.
const MOST: i32 = 1000;

/// What is done with which letters.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// What is done.
    #[arg(value_enum, default_value_t = Action::List)]
    action: Action,
    /// The letters: names of objects, as the list has them.
    #[arg(value_name = "OBJECT")]
    objects: Vec<String>,
    /// With `retry`: all letters of the list.
    #[arg(long, conflicts_with = "objects")]
    all: bool,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// JSON Lines for machines: an object for each letter; the list ends with
    /// their number.
    #[arg(long)]
    json: bool,
}

/// What is done with letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Lists the letters that nobody has handled.
    List,
    /// Shows one.
    Show,
    /// Puts their records onto their stream again, and takes them off the list.
    Retry,
}

/// Lists, shows or retries.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    args.check()?;
    let mut parts = vec![Part::DataTable];
    if args.action != Action::List {
        parts.push(Part::DeadLetterBucket);
    }
    if args.action == Action::Retry {
        parts.extend([Part::IncomingStream, Part::EventsStream, Part::ReplayStream]);
    }
    let deployment = args.deployment.open(domain, &parts).await?;
    match (args.action, args.objects.as_slice()) {
        (Action::List, _) => list(&deployment, args.json).await,
        (Action::Show, [key, ..]) => read(&deployment, key).await?.show(key, args.json),
        (Action::Show, []) => Ok(()),
        (Action::Retry, _) => retry(&deployment, args).await,
    }
}

impl Args {
    fn check(&self) -> Outcome {
        let count = self.objects.len();
        let why = match self.action {
            Action::List if count > 0 => "list takes no OBJECT: `show` shows one",
            Action::List | Action::Show if self.all => "--all: goes with `retry`",
            Action::Show if count != 1 => "show takes one OBJECT: `rewind dead-letters` lists them",
            Action::Retry if count == 0 && !self.all => {
                "retry takes the names of OBJECTs, or --all: `rewind dead-letters` lists them"
            }
            _ => return Ok(()),
        };
        Err(End::Wrong(why.into()))
    }
}

async fn list(deployment: &Deployment, as_json: bool) -> Outcome {
    let (letters, next) = dead_letter::list(&deployment.store, None, MOST).await?;
    let are_more = next.is_some();
    for letter in &letters {
        let DeadLetter { key, bytes, time } = letter;
        if as_json {
            say!("{}", json!({"object": key, "bytes": bytes, "time": time}))?;
            continue;
        }
        let bytes = bytes.map_or(String::new(), |bytes| format!("  {bytes} bytes"));
        say!("{key}  {time:.0}{bytes}")?;
    }
    match (as_json, letters.is_empty(), are_more) {
        (true, ..) => say!(
            "{}",
            json!({"dead_letters": letters.len(), "more": are_more})
        ),
        (false, true, _) => say!("There are no dead letters."),
        (false, false, true) => {
            note!("there are more: `rewind dead-letters retry --all` works them off");
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Reads a letter.
async fn read(deployment: &Deployment, key: &str) -> Result<Letter, End> {
    let Some(bytes) = deployment.letters.get(key).await? else {
        return Err(End::Wrong(format!(
            "there is no object {key:?} in the bucket of dead letters: `rewind dead-letters` lists them"
        )));
    };
    Letter::read(&bytes).map_err(|why| End::Failed(format!("the dead letter {key}: {why}")))
}

async fn retry(deployment: &Deployment, args: &Args) -> Outcome {
    let (listed, next) = dead_letter::list(&deployment.store, None, MOST).await?;
    let keys: Vec<String> = match args.all {
        true => listed.into_iter().map(|letter| letter.key).collect(),
        false => args.objects.clone(),
    };
    let what = format!(
        "put the records of {} dead letters onto their streams again",
        keys.len()
    );
    deployment.confirm(&what, args.yes)?;
    for key in &keys {
        let letter = read(deployment, key).await?;
        let stream = stream(deployment, key, &letter)?;
        for answer in stream.put_in_order(&letter.records).await {
            let before = format!("{key}: a record could not be put, and the letter stays: ");
            answer.map_err(|reason| End::Service(before, reason))?;
        }
        dead_letter::handled(&deployment.store, key).await?;
        deployment.note(What::Retried, key).await;
        let (records, name) = (letter.records.len(), stream.name());
        match args.json {
            true => say!(
                "{}",
                json!({"object": key, "records": records, "stream": name})
            )?,
            false => say!("{key}: {records} records are on {name} again")?,
        }
    }
    if next.is_some() && args.all {
        note!("there are more: the same call works them off");
    }
    if keys.is_empty() && !args.json {
        return say!("There are no dead letters.");
    }
    Ok(())
}

/// The stream that a letter's records came from. It has to be one of this
/// deployment.
fn stream<'d>(deployment: &'d Deployment, key: &str, letter: &Letter) -> Result<&'d Stream, End> {
    let Deployment {
        incoming,
        published,
        replay,
        ..
    } = deployment;
    let mut known = [incoming, published, replay].into_iter();
    known
        .find(|stream| stream.name() == letter.stream)
        .ok_or_else(|| {
            End::Refused(format!(
                "{key}: its records are of the stream {:?}, which is none of this deployment's",
                letter.stream
            ))
        })
}
