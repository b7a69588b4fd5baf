//! What an import claims before it sends anything: the outcomes of commands and
//! what processes have done. The functions of the new system see a command that
//! waits, or an event that a process watches, before they see what has become of
//! it. The claim tells them that this was decided already.

use super::{Stop, line::Line, lines::Lines};
use rewind::{CloudEvent, claimed::Claimed};
use rewind_aws::{
    aws::retry,
    event_table::event_store::{Claim, EventStore, Inserted},
};

/// Claims that are inserted together.
const MAX_CLAIMS: usize = 100;

/// Reads all lines once, up to one that is not valid, and claims what is decided
/// in them. Then it goes back to the first.
pub async fn claim(lines: &mut Lines, events: &EventStore) -> Result<(), Stop> {
    let mut claims = Vec::new();
    // The second time, it is said what is wrong with a line.
    while let Ok(Some(text)) = lines.next() {
        let Ok(line) = Line::read(text) else { break };
        claims.extend(claim_of(&line.event));
        if claims.len() == MAX_CLAIMS {
            insert(&mut claims, events).await?;
        }
    }
    insert(&mut claims, events).await?;
    let again = lines.again();
    again.map_err(|error| Stop::Failed(error.to_string()))
}

fn claim_of(event: &CloudEvent) -> Option<Claim> {
    match event.claimed() {
        Claimed::Together { is_first: true, .. } => Some(Claim {
            identity: event.identity(),
            fingerprint: event.fingerprint(),
            stream: event.stream.clone(),
            from: 1,
        }),
        _ => None,
    }
}

/// Inserts claims that do not stand yet.
async fn insert(claims: &mut Vec<Claim>, events: &EventStore) -> Result<(), Stop> {
    for attempt in 1..=retry::ATTEMPTS {
        let answers = events.claim(claims).await;
        let mut failed = None;
        let mut answers = answers.into_iter();
        claims.retain(|_| match answers.next() {
            Some(Inserted::New | Inserted::Taken) => false,
            Some(Inserted::Refused(reason) | Inserted::Failed(reason)) => {
                failed = Some(reason);
                true
            }
            None => true,
        });
        match failed {
            None if claims.is_empty() => return Ok(()),
            Some(reason) if attempt == retry::ATTEMPTS => return Err(Stop::Failed(reason)),
            _ => retry::wait(attempt).await,
        }
    }
    Err(Stop::Failed("claims were not answered".into()))
}
