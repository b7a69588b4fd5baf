//! Event types that history has and no enum declares: readers pass over such
//! events, and `/health` lists their types.
//!
//! This file knows the reports in the data store. It does not know who reads
//! the events.

use super::{data_store::DataStore, record::Records};
use crate::Error;
use rewind::{Delivery, Service, StreamName, event::identity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

const REPORTS: Records<Undeclared> = Records::new("rewind#undeclared");

/// A type that no enum declares, in a category that one does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Undeclared {
    /// The category.
    pub category: String,
    /// The event type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The stream of an event that a reader passed over.
    pub stream: StreamName,
    /// The event's version.
    pub version: u64,
}

/// Reports the undeclared types among what a function reads, each once.
#[derive(Debug)]
pub struct UndeclaredTypes {
    service: Service,
    store: DataStore,
    /// What this process has reported.
    told: Mutex<HashSet<String>>,
}

impl UndeclaredTypes {
    /// Reports of what `service` does not declare, in `store`.
    pub fn new(service: Service, store: DataStore) -> Self {
        Self {
            service,
            store,
            told: Mutex::default(),
        }
    }

    /// Reports the undeclared types of a batch that have no report yet.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails: the batch has to come again, as nothing tells of
    /// the type later.
    pub async fn report(&self, deliveries: &[(usize, Delivery)]) -> Result<(), Error> {
        let events = deliveries.iter().flat_map(|(_, delivery)| &delivery.events);
        let mut found: BTreeMap<String, Undeclared> = BTreeMap::new();
        for event in events.filter(|event| self.service.is_undeclared(event)) {
            let (category, event_type) = (event.stream().category(), event.event_type());
            found
                .entry(identity(category, event_type))
                .or_insert_with(|| Undeclared {
                    category: category.to_string(),
                    event_type: event_type.to_string(),
                    stream: event.stream().clone(),
                    version: event.version,
                });
        }
        for (id, undeclared) in found {
            if self.told().contains(&id) {
                continue;
            }
            // Whoever was first has reported it: both writes say the same.
            let _ = REPORTS.save(&self.store, &id, &undeclared, 0).await?;
            self.told().insert(id);
        }
        Ok(())
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The types that were reported and that a service still does not declare.
///
/// # Errors
///
/// When DynamoDB fails or a report is damaged.
pub async fn list(store: &DataStore, service: &Service) -> Result<Vec<Undeclared>, Error> {
    let reports = REPORTS.all(store, "").await?.into_iter();
    let (declared, upcasters) = (service.declared(), service.upcasters());
    let undeclared = reports
        .map(|(_, report)| report.value)
        .filter(|one| declared.is_undeclared_type(upcasters, &one.category, &one.event_type));
    let mut undeclared: Vec<Undeclared> = undeclared.collect();
    undeclared.sort();
    Ok(undeclared)
}
