//! The index by position: names every commit, in the partition of its stream.
//!
//! Table and index are read in different orders, so each commit goes into a
//! sum, by partition, once from either side. Where the sums differ, and for
//! commits so young that the index may lag, entries are looked up one by one.

use super::{
    line::{self, place_of},
    look::{Run, locked},
    pages::{Pages, begins_with},
    report::{Kind, Violation},
    sums::{INDEX, TABLE},
    walk::Walk,
};
use crate::{
    Error,
    aws::{
        item::{Item, number, string},
        retry,
    },
};
use rewind::{Commit, StreamName};
use std::collections::{BTreeMap, BTreeSet};

/// How far behind the table the index may be, in microseconds.
const LAG: u64 = 10_000_000;

/// How often an entry that is missing is looked for.
const LOOKS: u32 = 8;

impl Run<'_> {
    /// Checks that commits name the partition of their stream, and takes them into
    /// account.
    pub(super) async fn check_partitions(
        &self,
        stream: &StreamName,
        commits: &[Commit],
        items: &[Item],
    ) -> Result<(), Error> {
        let partitions: BTreeMap<u64, &str> = items
            .iter()
            .filter_map(|item| Some((number(item, "version").ok()?, string(item, "slice").ok()?)))
            .collect();
        let raises = self.events.raises().await?;
        for commit in commits {
            let partition = partitions.get(&commit.version).copied();
            if !partition.is_some_and(|slice| raises.may_hold(slice, stream)) {
                let (expected, found) = (stream.partition(), partition.unwrap_or("none"));
                let kind = Kind::WrongPartition;
                self.violation(Violation::new(kind, place_of(commit), expected, found));
            }
            let Some(partition) = partition else {
                continue;
            };
            if commit.position < self.began.saturating_sub(LAG) {
                locked(&self.sums).add(TABLE, partition, identity(commit));
            } else if commit.position < self.began {
                self.look_up(partition, commit).await?;
            }
        }
        Ok(())
    }

    /// Compares the index with what was read from the table.
    pub(super) async fn check_index(&self) -> Result<(), Error> {
        let mut start = None;
        let mut done = 0;
        loop {
            let (items, next) = self.events.scan_index(start).await?;
            done += items.len() as u64;
            for item in &items {
                let stream = string(item, "stream")?;
                let (version, position) = (number(item, "version")?, number(item, "position")?);
                if position < self.began.saturating_sub(LAG) {
                    let length = number(item, "length").unwrap_or_default();
                    let place = (stream, version, length, position);
                    locked(&self.sums).add(INDEX, string(item, "slice")?, place);
                }
            }
            self.count(|counts| counts.index_entries += items.len() as u64);
            locked(&self.ledger).progress("index", done, done);
            start = next;
            if start.is_none() {
                break;
            }
        }
        let different = locked(&self.sums).different();
        if different.is_empty() {
            return Ok(());
        }
        let different = &different;
        self.walk(Walk::INDEX, |stream, found| async move {
            self.visit_index(&stream, found, different).await
        })
        .await
    }

    /// Looks up each commit of a stream that lies in one of these partitions.
    async fn visit_index(
        &self,
        stream: &StreamName,
        found: u64,
        partitions: &BTreeSet<String>,
    ) -> Result<(), Error> {
        let mut pages = Pages::of(&self.events, stream);
        let mut is_first = true;
        while let Some(items) = pages.next().await? {
            if is_first && !begins_with(&items, found) {
                return Ok(());
            }
            is_first = false;
            for item in &items {
                let partition = string(item, "slice").unwrap_or_default();
                for commit in line::read(std::slice::from_ref(item)).commits {
                    let is_old = commit.position < self.began.saturating_sub(LAG);
                    if is_old && partitions.contains(partition) {
                        self.look_up(partition, &commit).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks up the entry of one commit, which may take a moment to be there.
    async fn look_up(&self, partition: &str, commit: &Commit) -> Result<(), Error> {
        let wanted = identity(commit);
        let mut found = Vec::new();
        for attempt in 1..=LOOKS {
            let entries = self.events.entries_at(partition, commit.position).await?;
            found.clear();
            for entry in &entries {
                let (stream, version) = (string(entry, "stream")?, number(entry, "version")?);
                let length = number(entry, "length").unwrap_or_default();
                if (stream, version, length, commit.position) == wanted {
                    return Ok(());
                }
                found.push(format!("{stream}@{version} of {length}"));
            }
            retry::wait(attempt).await;
        }
        let position = commit.position;
        let expected = format!(
            "an entry of {} events in {partition} at {position}",
            commit.length
        );
        let found = match found.is_empty() {
            true => "none".to_string(),
            false => found.join(", "),
        };
        let kind = Kind::NotInIndex;
        self.violation(Violation::new(kind, place_of(commit), expected, found));
        Ok(())
    }
}

fn identity(commit: &Commit) -> (&str, u64, u64, u64) {
    let stream = commit.stream.as_str();
    (stream, commit.version, commit.length, commit.position)
}
