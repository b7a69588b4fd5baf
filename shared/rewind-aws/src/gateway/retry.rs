//! The word of an operator that calls are tried again which were given up, or
//! imported.

use super::{
    live::contended,
    log::{self, Appended, Failure},
};
use crate::{append::recorder::Recorder, aws::clock::now};
use rewind::{Caller, StreamName};

/// How often a log is read again because others were faster.
const MAX_ATTEMPTS: u32 = 25;

/// Lets calls of a log be tried again, with their keys: the one that is named,
/// or all. Returns the keys of those that were given up or imported; `None`
/// where the log has no such call.
///
/// # Errors
///
/// When a service fails, or it is no log. What was recorded stands.
pub async fn retry(
    recorder: &Recorder,
    caller: &Caller,
    log: &StreamName,
    call: Option<&str>,
) -> Result<Option<Vec<String>>, Failure> {
    let loaded = log::load(&recorder.events, log).await?;
    let known = loaded.calls.iter().map(|known| known.key.clone());
    let known: Vec<String> = known
        .filter(|known| call.is_none_or(|call| known == call))
        .collect();
    if known.is_empty() {
        return Ok(None);
    }
    let mut retried = Vec::new();
    for key in known {
        if one(recorder, caller, log, &key).await? {
            retried.push(key);
        }
    }
    Ok(Some(retried))
}

/// Lets one call be tried again. Says whether it was given up or imported.
async fn one(
    recorder: &Recorder,
    caller: &Caller,
    log: &StreamName,
    key: &str,
) -> Result<bool, Failure> {
    for _ in 0..MAX_ATTEMPTS {
        let loaded = log::load(&recorder.events, log).await?;
        let call = loaded.calls.get(key);
        let Some(call) = call.filter(|call| call.can_be_retried()) else {
            return Ok(false);
        };
        let event = caller.retried_event(call, now());
        if let Appended::Yes(_) = log::append(recorder, &loaded, &event).await? {
            return Ok(true);
        }
    }
    Err(contended(log))
}
