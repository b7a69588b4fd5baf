//! The reversals of a stream, found along the chain that the commits store.

use crate::{Error, event_table::event_store::EventStore};
use rewind::{
    StreamName,
    reversal::{LastReversal, Reversals},
};

/// The reversals of a stream among the versions above `after` and up to
/// `through`.
///
/// It walks the chain backwards: one read for the place where it begins, and
/// one for each commit with a reversal, whatever lies between. Where the chain
/// comes to a commit that does not tell its last reversal, because it was
/// recorded before commits did, the versions from `after` up to the end of that
/// commit are read.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn reversals(
    store: &EventStore,
    stream: &StreamName,
    after: u64,
    through: u64,
) -> Result<Reversals, Error> {
    let mut found = Reversals::default();
    let mut until = through;
    while until > after {
        let link = store.link(stream, until).await?;
        let reversals = link.reversals.iter();
        reversals
            .filter(|reversal| reversal.version > after)
            .for_each(|reversal| found.note(reversal));
        // Each link leads to a version below the one before it: this ends.
        until = match link.earlier {
            LastReversal::None => break,
            LastReversal::At(version) => version,
            LastReversal::Unknown => {
                read(store, stream, (after, link.before), &mut found).await?;
                break;
            }
        };
    }
    Ok(found)
}

/// Reads all events between two versions for the reversals among them.
async fn read(
    store: &EventStore,
    stream: &StreamName,
    (mut after, through): (u64, u64),
    found: &mut Reversals,
) -> Result<(), Error> {
    while after < through {
        let (events, has_more) = store.read_events(stream, after, through).await?;
        events.iter().for_each(|event| found.note(event));
        after = events.last().map_or(after, |event| event.version);
        if !has_more {
            break;
        }
    }
    Ok(())
}

/// Whether a refused event is taken back by the versions behind it, up to
/// `through`. A reader then passes it.
pub(crate) async fn is_taken_back(
    store: &EventStore,
    stream: &StreamName,
    version: u64,
    through: u64,
) -> Result<bool, Error> {
    let later = reversals(store, stream, version, through).await?;
    Ok(later.taken_back().contains(&version))
}
