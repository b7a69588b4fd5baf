//! All rows of all projections: read over HTTP, deleted, compared.

use crate::client::Client;
use local::System;
use rewind_aws::wiring::Clients;
use serde_json::Value;
use std::collections::BTreeMap;

/// Every row of every projection, by projection and key.
pub struct Rows(BTreeMap<String, BTreeMap<String, Value>>);

impl Rows {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// How many projections there are.
    pub fn projections(&self) -> usize {
        self.0.len()
    }

    /// The projections' names.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Compares with the rows of an earlier time.
    ///
    /// # Errors
    ///
    /// When a row differs. The message names it.
    pub fn compare(&self, before: &Self) -> Result<(), String> {
        for (projection, rows) in &before.0 {
            let nothing = BTreeMap::new();
            let now = self.0.get(projection).unwrap_or(&nothing);
            for key in rows.keys().chain(now.keys()) {
                let (was, is) = (rows.get(key), now.get(key));
                if was != is {
                    return Err(format!("{projection}/{key} was {was:?} and is {is:?}"));
                }
            }
        }
        Ok(())
    }
}

/// Reads all rows, page by page.
pub async fn all(client: &Client) -> Result<Rows, String> {
    let projections = client.get_ok("/projections").await?;
    let mut all = BTreeMap::new();
    for projection in projections["projections"].as_array().into_iter().flatten() {
        let name = projection["name"].as_str().unwrap_or_default();
        let mut rows = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/projections/{name}?limit=500{cursor}");
            let page = client.get_ok(&path).await?;
            for row in page["rows"].as_array().into_iter().flatten() {
                let key = row["key"].as_str().unwrap_or_default().to_string();
                rows.insert(key, row.clone());
            }
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        all.insert(name.to_string(), rows);
    }
    Ok(Rows(all))
}

/// Deletes everything in the data store, and returns the number of its items.
pub async fn delete_data_store(system: &System) -> Result<u64, String> {
    let table = system
        .table("DataTable")
        .ok_or("the template has no DataTable")?;
    let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
    let store = clients.data_store(table);
    store.delete_all().await.map_err(|error| error.to_string())
}
