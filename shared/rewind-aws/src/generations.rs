//! Which generation of a projection serves readers, which one is being built,
//! and which one is kept for a rollback.

use crate::{
    Error,
    data_store::{self, DataStore, Key, Row, Written},
};
use rewind::Target;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The partition of the operator's records about projections.
const PARTITION: &str = "rewind#projections";

/// The generations of a projection. A projection that nobody has rebuilt has
/// no record and serves generation 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// What readers see.
    pub serving: u64,
    /// What a playback builds. Live events reach it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building: Option<u64>,
    /// The playback that builds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playback: Option<String>,
    /// What served before, kept up to date for a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<u64>,
    /// The highest number that was ever given.
    pub latest: u64,
}

impl Default for Generations {
    fn default() -> Self {
        Self {
            serving: 1,
            building: None,
            playback: None,
            previous: None,
            latest: 1,
        }
    }
}

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

impl Generations {
    /// The generations that live events are folded into.
    pub fn live(&self) -> impl Iterator<Item = u64> {
        let others = [self.building, self.previous].into_iter().flatten();
        std::iter::once(self.serving).chain(others)
    }

    /// Whether a playback may still write to this generation.
    pub fn takes(&self, generation: u64) -> bool {
        self.live().any(|live| live == generation)
    }
}

/// The generations of all projections that have a record, strongly consistent.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn all(store: &DataStore) -> Result<HashMap<String, Generations>, Error> {
    let mut known = HashMap::new();
    let mut after: Option<String> = None;
    loop {
        let (items, next) = store.list(PARTITION, "", after.as_deref(), 500).await?;
        for item in items {
            let (key, row) = data_store::row(item)?;
            known.insert(key.sk.clone(), generations(&key, row)?);
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(known),
        }
    }
}

/// The generations of one projection, strongly consistent.
///
/// # Errors
///
/// When DynamoDB fails or the record is damaged.
pub async fn of(store: &DataStore, projection: &str) -> Result<Generations, Error> {
    let key = key(projection);
    match store.get(&key).await? {
        Some(row) => generations(&key, row),
        None => Ok(Generations::default()),
    }
}

/// Opens a new generation for a playback to build. From the next batch on,
/// live events are folded into it as well. Repeating it gives the same one.
///
/// # Errors
///
/// Refused when another playback is building one. `is_over` is asked whether
/// that one has come to an end, or never came to a beginning.
pub async fn begin(
    store: &DataStore,
    projection: &str,
    playback: &str,
    is_over: impl AsyncFn(&str) -> Result<bool, Error>,
) -> Result<Target, ChangeError> {
    let known = of(store, projection).await?;
    let over = match known.playback {
        Some(other) if other != playback && is_over(&other).await? => Some(other),
        _ => None,
    };
    let mut generation = 0;
    change(store, projection, |known| {
        if let (Some(building), Some(builder)) = (known.building, &known.playback) {
            if builder == playback {
                generation = building;
                return Ok(());
            }
            if over.as_ref() != Some(builder) {
                return Err(format!(
                    "playback {builder} is building generation {building} of {projection}; wait until it is over, or invoke playback with {{\"resume\": \"{builder}\"}} if it has died"
                ));
            }
        }
        known.latest += 1;
        known.building = Some(known.latest);
        known.playback = Some(playback.to_string());
        generation = known.latest;
        Ok(())
    })
    .await?;
    Ok(Target {
        projection: projection.to_string(),
        generation,
    })
}

/// Lets readers see another generation: the one that was being built, or, as a
/// rollback, the one that served before. Which one served is kept up to date,
/// so that it can come back. Repeating it changes nothing.
///
/// # Errors
///
/// Refused when the generation is neither.
pub async fn activate(store: &DataStore, target: &Target) -> Result<(), ChangeError> {
    change(store, &target.projection, |known| {
        let generation = target.generation;
        if known.serving == generation {
            return Ok(());
        }
        if known.building == Some(generation) {
            known.building = None;
            known.playback = None;
        } else if known.previous != Some(generation) {
            return Err(format!(
                "{target} is neither built nor kept for a rollback; {} serves",
                known.serving
            ));
        }
        known.previous = Some(known.serving);
        known.serving = generation;
        Ok(())
    })
    .await
}

/// Gives up a generation that was being built.
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn abandon(store: &DataStore, target: &Target) -> Result<(), ChangeError> {
    change(store, &target.projection, |known| {
        if known.building == Some(target.generation) {
            known.building = None;
            known.playback = None;
        }
        Ok(())
    })
    .await
}

async fn change(
    store: &DataStore,
    projection: &str,
    mut edit: impl FnMut(&mut Generations) -> Result<(), String>,
) -> Result<(), ChangeError> {
    let key = key(projection);
    for attempt in 1..=crate::retry::ATTEMPTS {
        let row = store.get(&key).await?;
        let seen = row.as_ref().map_or(0, |row| row.revision);
        let before = match row {
            Some(row) => generations(&key, row)?,
            None => Generations::default(),
        };
        let mut after = before.clone();
        edit(&mut after).map_err(ChangeError::Refused)?;
        if after == before {
            return Ok(());
        }
        let state = serde_json::to_value(&after).map_err(|error| Error::damaged(&key.sk, error))?;
        let row = Row {
            state: Some(state),
            ..Row::default()
        };
        if store.put(&key, &row, seen).await? == Written::Done {
            return Ok(());
        }
        crate::retry::wait(attempt).await;
    }
    Err(ChangeError::Service(Error::Contended {
        what: format!("the generations of {projection}"),
        attempts: crate::retry::ATTEMPTS,
    }))
}

fn generations(key: &Key, row: Row) -> Result<Generations, Error> {
    let state = row.state.unwrap_or_default();
    serde_json::from_value(state).map_err(|error| {
        let what = format!("the record of the generations of {}", key.sk);
        Error::damaged(what, error)
    })
}

fn key(projection: &str) -> Key {
    Key {
        pk: PARTITION.into(),
        sk: projection.into(),
    }
}
