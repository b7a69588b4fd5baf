//! `rewind retry`: lets calls of a gateway be tried again that were given up, or
//! imported.

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
    ledger,
    out::say,
};
use clap::Args as ClapArgs;
use rewind_aws::{
    Error,
    append::recorder::Recorder,
    gateway::{log, retry::retry},
};
use serde_json::json;

/// Which calls.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The gateway.
    gateway: String,
    /// The key of the calls, as the gateway gives it.
    key: String,
    /// Only the call with this idempotency key.
    #[arg(long, value_name = "KEY")]
    call: Option<String>,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Records that they are tried again. Calls that wait, or are done, stay as they
/// are.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let parts = [Part::EventsTable, Part::DataTable, Part::EventsStream];
    let deployment = args.deployment.open(domain, &parts).await?;
    let (name, key) = (&args.gateway, &args.key);
    let caller = ledger::caller(&deployment, name)?;
    let log = ledger::log_of(caller, key)?;
    let loaded = log::load(&deployment.events, &log).await;
    let calls = loaded.map_err(Error::from)?.calls;
    let again = calls.iter().filter(|call| call.can_be_retried());
    let what = format!(
        "have {name} make calls of {key:?} again, {} in number",
        again.count()
    );
    deployment.confirm(&what, args.yes)?;
    let (events, store) = (deployment.events.clone(), deployment.store.clone());
    let recorder = Recorder::new(events, store, deployment.published.clone());
    let retried = retry(&recorder, caller, &log, args.call.as_deref()).await;
    let Some(retried) = retried.map_err(Error::from)? else {
        let why = format!("there is no such call of {name} with the key {key:?}");
        return Err(End::Wrong(why));
    };
    if args.json {
        return say!("{}", json!({"gateway": name, "retried": retried}));
    }
    for call in &retried {
        say!("{log}: {call} is tried again")?;
    }
    match retried.is_empty() {
        true => say!("no call of {log} is given up or imported"),
        false => Ok(()),
    }
}
