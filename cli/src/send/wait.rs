//! Waiting until streams hold events: each identity's claim says where its event
//! is, or will be. A numbered event is found by its number.

use crate::{deployment::Deployment, end::End};
use rewind::{StreamName, event::identity, numbers::numbered};
use rewind_aws::event_table::event_store::Claim;
use serde_json::Value;
use std::{
    collections::{BTreeSet, HashMap},
    time::{Duration, Instant},
};

/// The time between two looks at the events table.
const INTERVAL: Duration = Duration::from_millis(50);

/// Identities that are looked for together.
const AT_ONCE: usize = 100;

/// Waits for all accepted events, and adds the version of each.
///
/// # Errors
///
/// When one is not recorded in time, or the events table cannot be read.
pub async fn for_all(
    deployment: &Deployment,
    results: &mut [Value],
    patience: Duration,
) -> Result<(), End> {
    let started = Instant::now();
    let mut waiting: Vec<(usize, String)> = Vec::new();
    for (place, result) in results.iter().enumerate() {
        let (source, id) = (result["source"].as_str(), result["id"].as_str());
        if let (Some(source), Some(id)) = (source, id) {
            waiting.push((place, identity(source, id)));
        }
    }
    while !waiting.is_empty() {
        let mut still = Vec::new();
        for some in waiting.chunks(AT_ONCE) {
            let identities: Vec<&str> = some.iter().map(|(_, name)| name.as_str()).collect();
            let claims = deployment.events.claims(&identities).await?;
            still.extend(look(deployment, results, some, &claims).await?);
        }
        waiting = still;
        if waiting.is_empty() {
            break;
        }
        if started.elapsed() > patience {
            let seconds = patience.as_secs();
            return Err(End::Failed(format!(
                "{} events were accepted and are not recorded after {seconds} s: does pump run? `rewind status` tells",
                waiting.len()
            )));
        }
        tokio::time::sleep(INTERVAL).await;
    }
    Ok(())
}

/// Notes which of some events are recorded, and returns the others.
async fn look(
    deployment: &Deployment,
    results: &mut [Value],
    some: &[(usize, String)],
    claims: &HashMap<String, Claim>,
) -> Result<Vec<(usize, String)>, End> {
    let mut still = Vec::new();
    for (place, name) in some {
        let Some(result) = results.get_mut(*place) else {
            continue;
        };
        let found = match claims.get(name) {
            Some(claim) => version(deployment, claim, result).await?,
            None => by_number(deployment, result).await?,
        };
        match found {
            Some((stream, version)) => {
                result["stream"] = stream.as_str().into();
                result["version"] = version.into();
            }
            None => still.push((*place, name.clone())),
        }
    }
    Ok(still)
}

/// Where a numbered event is recorded.
async fn by_number(
    deployment: &Deployment,
    result: &Value,
) -> Result<Option<(StreamName, u64)>, End> {
    let (source, id) = (result["source"].as_str(), result["id"].as_str());
    let Some((stream, number)) = source.zip(id).and_then(|(source, id)| numbered(source, id))
    else {
        return Ok(None);
    };
    let found = deployment
        .events
        .numbered(&stream, u64::MAX, BTreeSet::from([number]));
    let found = found.await?.into_iter();
    let mut found = found.filter(|recorded| {
        result["id"] == recorded.event.id && result["source"] == recorded.event.source
    });
    Ok(found.next().map(|found| (stream, found.version)))
}

/// Where a claimed event is recorded.
async fn version(
    deployment: &Deployment,
    claim: &Claim,
    result: &Value,
) -> Result<Option<(StreamName, u64)>, End> {
    let mut after = claim.from.saturating_sub(1);
    loop {
        let read = deployment
            .events
            .read_events(&claim.stream, after, u64::MAX);
        let (events, has_more) = read.await?;
        let found = events.iter().find(|recorded| {
            result["id"] == recorded.event.id && result["source"] == recorded.event.source
        });
        if let Some(found) = found {
            return Ok(Some((claim.stream.clone(), found.version)));
        }
        after = events.last().map_or(after, |event| event.version);
        if events.is_empty() || !has_more {
            return Ok(None);
        }
    }
}
