//! Which generation of a projection serves readers, which one is being built,
//! and which one is kept for a rollback.

use super::generations::{Generations, Part};
use crate::{
    Error,
    aws::clock::now,
    data_table::{data_store::DataStore, record::Records, transaction::Write},
};
use rewind::{Projection, Selection, Service, Target};
use std::collections::HashMap;

/// The records of the generations of projections, by projection.
static RECORDS: Records<Generations> = Records::new("rewind#projections");

/// Why a change of generations is refused.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The projection's state does not allow it.
    #[error("{0}")]
    Refused(String),
    /// A service failed.
    #[error(transparent)]
    Service(#[from] Error),
}

/// The generations of all projections that have a record, strongly consistent.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn all(store: &DataStore) -> Result<HashMap<String, Generations>, Error> {
    let records = RECORDS.all(store, "").await?.into_iter();
    Ok(records.map(|(name, record)| (name, record.value)).collect())
}

/// The generations of a service's projections, strongly consistent. A
/// projection that is new gets its record: later it tells with which `VERSION`
/// the first generation was begun.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn known(
    store: &DataStore,
    service: &Service,
) -> Result<HashMap<String, Generations>, Error> {
    let mut known = all(store).await?;
    for projection in service.projections() {
        if !known.contains_key(projection.name) {
            let mut first = Generations::default();
            first.versions.insert(first.serving, projection.version);
            // Whoever else does the same writes the same.
            RECORDS.save(store, projection.name, &first, 0).await?;
            known.insert(projection.name.to_string(), first);
        }
    }
    Ok(known)
}

/// The generations of one projection, strongly consistent.
///
/// # Errors
///
/// When DynamoDB fails or the record is damaged.
pub async fn of(store: &DataStore, projection: &str) -> Result<Generations, Error> {
    Ok(read(store, projection).await?.0)
}

/// A generation that is opened when `write` is written: together with the
/// playback that builds it, so that neither is there without the other.
#[derive(Debug)]
pub struct Opening {
    /// The generation.
    pub target: Target,
    /// What opens it; `None` where it is open.
    pub write: Option<Write>,
}

/// Opens a new generation for a playback to build. From the next batch on,
/// live events are folded into it as well. Repeating it gives the same one.
///
/// # Errors
///
/// Refused when another playback is building one. `is_over` is asked whether
/// that one is over, or is not there.
pub async fn open(
    store: &DataStore,
    projection: &Projection,
    playback: &str,
    is_over: impl AsyncFn(&str) -> Result<bool, Error>,
) -> Result<Opening, ChangeError> {
    let name = projection.name;
    let (mut known, seen) = read(store, name).await?;
    let before = known.clone();
    let generation = match (known.building, &known.playback) {
        (Some(building), Some(builder)) if builder == playback => building,
        (Some(building), Some(builder)) if !is_over(builder).await? => {
            return Err(ChangeError::Refused(format!(
                "playback {builder} is building generation {building} of {name}: wait until it is over, or cancel it"
            )));
        }
        (building, _) => {
            building.into_iter().for_each(|left| known.close(left));
            known.playback = Some(playback.to_string());
            let opened = known.open(projection.version);
            known.building = Some(opened);
            opened
        }
    };
    opening(name, generation, &before, &known, seen)
}

/// Opens a generation for a part of history. Repeating it gives the same one.
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn open_part(
    store: &DataStore,
    projection: &Projection,
    playback: &str,
    of: &Selection,
) -> Result<Opening, ChangeError> {
    let name = projection.name;
    let (mut known, seen) = read(store, name).await?;
    let before = known.clone();
    let mut parts = known.parts.iter();
    let mine = parts.find(|(_, part)| part.playback == playback);
    let generation = match mine {
        Some((generation, _)) => *generation,
        None => known.open(projection.version),
    };
    let part = Part {
        playback: playback.to_string(),
        of: of.clone(),
    };
    known.parts.insert(generation, part);
    opening(name, generation, &before, &known, seen)
}

fn opening(
    projection: &str,
    generation: u64,
    before: &Generations,
    after: &Generations,
    seen: u64,
) -> Result<Opening, ChangeError> {
    let write = match before == after {
        true => None,
        false => Some(RECORDS.put(projection, after, seen)?),
    };
    let target = target(projection, generation);
    Ok(Opening { target, write })
}

/// Says more exactly which part of history a generation holds.
///
/// # Errors
///
/// Refused when it holds none any more.
pub(crate) async fn describe_part(
    store: &DataStore,
    target: &Target,
    of: &Selection,
) -> Result<(), ChangeError> {
    change(store, &target.projection, |known| {
        match known.parts.get_mut(&target.generation) {
            Some(part) => part.of = of.clone(),
            None => return Err(format!("{target} is dropped")),
        }
        Ok(())
    })
    .await
}

/// A generation of a projection.
pub(super) fn target(projection: &str, generation: u64) -> Target {
    Target {
        projection: projection.to_string(),
        generation,
    }
}

/// Lets readers see another generation: the one that was being built, or, as a
/// rollback, the one that served before. Which one served is kept up to date,
/// so that it can come back. Repeating it changes nothing.
///
/// # Errors
///
/// Refused when the generation is neither, or differences are still being told.
pub async fn activate(store: &DataStore, target: &Target) -> Result<(), ChangeError> {
    activated(store, target, false).await
}

/// As [`activate`], and the rows that differ are to be told as changes.
///
/// # Errors
///
/// As [`activate`].
pub async fn activate_telling(store: &DataStore, target: &Target) -> Result<(), ChangeError> {
    activated(store, target, true).await
}

async fn activated(store: &DataStore, target: &Target, tells: bool) -> Result<(), ChangeError> {
    change(store, &target.projection, |known| {
        let generation = target.generation;
        if known.serving == generation {
            return Ok(());
        }
        check_told(known, target)?;
        if known.building == Some(generation) {
            known.building = None;
            known.playback = None;
        } else if known.parts.contains_key(&generation) {
            return Err(format!(
                "{target} holds a part of history only: it cannot serve"
            ));
        } else if known.previous != Some(generation) {
            return Err(format!(
                "{target} is neither built nor kept for a rollback; {} serves",
                known.serving
            ));
        }
        if let Some(before) = known.previous.filter(|before| *before != generation) {
            known.close(before);
        }
        known.previous = Some(known.serving);
        known.serving = generation;
        known.since = Some(now());
        known.telling = tells;
        Ok(())
    })
    .await
}

/// All differences are told that were to be.
///
/// # Errors
///
/// When DynamoDB fails.
pub(crate) async fn told(store: &DataStore, target: &Target) -> Result<(), ChangeError> {
    change(store, &target.projection, |known| {
        known.telling &= known.serving != target.generation;
        Ok(())
    })
    .await
}

/// Refuses a change of generations whose rows are still being compared.
fn check_told(known: &Generations, target: &Target) -> Result<(), String> {
    match known.telling {
        true => Err(format!(
            "the changes that {}@{} has brought are still being told: wait until that is done",
            target.projection, known.serving
        )),
        false => Ok(()),
    }
}

/// Gives up a generation that a playback was building. Its rows are to be
/// [`swept`](super::sweep::sweep).
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn abandon(store: &DataStore, target: &Target) -> Result<(), ChangeError> {
    let generation = target.generation;
    change(store, &target.projection, |known| {
        if known.building == Some(generation) {
            known.building = None;
            known.playback = None;
            known.close(generation);
        } else if known.parts.contains_key(&generation) {
            known.close(generation);
        }
        Ok(())
    })
    .await
}

/// Drops a generation that neither serves nor is being built. Its rows are to
/// be [`swept`](super::sweep::sweep).
///
/// # Errors
///
/// Refused when it serves, is being built, or is not there.
pub async fn drop(store: &DataStore, target: &Target) -> Result<(), ChangeError> {
    let generation = target.generation;
    change(store, &target.projection, |known| {
        if known.serving == generation {
            return Err(format!("{target} serves: activate another one first"));
        }
        if known.building == Some(generation) {
            let builder = known.playback.as_deref().unwrap_or_default();
            return Err(format!(
                "playback {builder} is building {target}: cancel it instead"
            ));
        }
        if known.previous == Some(generation) {
            check_told(known, target)?;
            known.previous = None;
        } else if !known.parts.contains_key(&generation) {
            return Err(format!("there is no generation {target}"));
        }
        known.close(generation);
        Ok(())
    })
    .await
}

/// Changes the generations of a projection, whoever else does so at the same
/// time.
pub(super) async fn change(
    store: &DataStore,
    projection: &str,
    mut edit: impl FnMut(&mut Generations) -> Result<(), String>,
) -> Result<(), ChangeError> {
    let changed = RECORDS.change(store, projection, |known| {
        let before = known.unwrap_or_default();
        let mut after = before.clone();
        edit(&mut after).map_err(ChangeError::Refused)?;
        Ok::<_, ChangeError>((after != before).then_some(after))
    });
    changed.await.map(|_| ())
}

/// The generations of a projection, and the revision that was read.
async fn read(store: &DataStore, projection: &str) -> Result<(Generations, u64), Error> {
    let record = RECORDS.load(store, projection).await?;
    Ok(record.map_or_else(Default::default, |record| (record.value, record.revision)))
}
