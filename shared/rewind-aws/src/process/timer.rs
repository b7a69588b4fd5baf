//! The timer: fires the deadlines that are due, in the order of their times.

use super::{
    due::{self, Deadline},
    journals::{Failure, Journals},
};
use crate::{
    Error,
    append::recorder::Recorder,
    data_table::{
        began::Began,
        data_store::DataStore,
        stall::{self, Stall},
        transaction::Write,
    },
};
use rewind::{Runner, Service, StreamName, Timestamp};
use std::collections::{BTreeSet, VecDeque};

/// Deadlines of a partition that are read in one go.
const PAGE: i32 = 50;

/// Fires deadlines.
#[derive(Debug)]
pub struct Timer {
    service: Service,
    store: DataStore,
    journals: Journals,
    began: Began,
}

/// What a timer has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fired {
    /// Deadlines that have fired.
    pub fired: usize,
    /// Those that were not open any more.
    pub over: usize,
    /// Those that the process refuses.
    pub refused: usize,
}

/// Who fires the deadlines of a process, as `/health` names it.
fn reader(runner: &Runner) -> String {
    format!("timer/{}", runner.name)
}

/// A partition of the list, read in order.
struct Due {
    pk: String,
    waiting: VecDeque<Deadline>,
    after: Option<String>,
    is_last: bool,
}

impl Timer {
    /// A timer that writes journals through this recorder.
    pub fn new(service: Service, recorder: Recorder) -> Self {
        Self {
            began: Began::new(&service, recorder.store.clone()),
            service,
            store: recorder.store.clone(),
            journals: Journals::new(recorder),
        }
    }

    /// Fires what is due at `now`, the earliest first, until nothing is, or
    /// `goes_on` says that it is enough.
    ///
    /// # Errors
    ///
    /// When a service fails. What has fired stays so.
    pub async fn fire(&self, now: Timestamp, goes_on: impl Fn() -> bool) -> Result<Fired, Error> {
        let partitions = due::partitions().map(|pk| Due {
            pk,
            waiting: VecDeque::new(),
            after: None,
            is_last: false,
        });
        let mut partitions: Vec<Due> = partitions.collect();
        let mut fired = Fired::default();
        let mut known = refused(&self.service, &self.store).await?;
        while goes_on() {
            for partition in &mut partitions {
                self.read(partition, now).await?;
            }
            let waiting = partitions.iter_mut().filter(|due| !due.waiting.is_empty());
            let next = waiting.min_by_key(|due| due.waiting.front().map(|first| first.at));
            let Some(deadline) = next.and_then(|due| due.waiting.pop_front()) else {
                self.clear(&known).await?;
                break;
            };
            if self.fire_one(&deadline, &mut fired).await? {
                known.remove(&deadline.journal);
            }
        }
        Ok(fired)
    }

    /// Ends the reports of journals in which nothing that is due is refused now:
    /// it has fired, or somebody who died has told of it late.
    async fn clear(&self, over: &BTreeSet<StreamName>) -> Result<(), Error> {
        for journal in over {
            let runners = self.service.runners().iter();
            for runner in runners.filter(|runner| runner.category == journal.category()) {
                stall::clear(&self.store, &reader(runner), journal).await?;
            }
        }
        Ok(())
    }

    /// When the next deadline behind `now` is due.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an item is damaged.
    pub async fn next(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let after = due::behind(now);
        let mut next: Option<Timestamp> = None;
        for pk in due::partitions() {
            let (items, _) = self.store.list(&pk, "", Some(&after), 1).await?;
            for item in items {
                let at = due::read(item)?.at;
                next = Some(next.map_or(at, |known| known.min(at)));
            }
        }
        Ok(next)
    }

    /// Fires a deadline. Says whether its process refuses it.
    async fn fire_one(&self, deadline: &Deadline, fired: &mut Fired) -> Result<bool, Error> {
        let runners = self.service.runners().iter();
        let mut runners = runners.filter(|runner| runner.name == deadline.process);
        let Some(runner) = runners.next() else {
            // Its process is not registered any more. It may come back.
            fired.over += 1;
            return Ok(false);
        };
        let (journal, name, set) = (&deadline.journal, &deadline.name, deadline.set);
        let since = self.began.since(&runner.origin).await?;
        let fires = self.journals.fire(runner, journal, (name, set), since);
        match fires.await {
            Ok(true) => fired.fired += 1,
            Ok(false) => fired.over += 1,
            Err(Failure::Aws(error)) => return Err(error),
            Err(Failure::Refused(why)) => {
                // It stays on the list, and is tried with the next look.
                let stall = Stall::new(&reader(runner), journal, set - 1, &stall::reason(&why));
                self.store.write_together(&[stall::report(&stall)?]).await?;
                fired.refused += 1;
                return Ok(true);
            }
        }
        // Whoever reads the journal does so as well, later.
        let key = deadline.key.clone();
        self.store.write_together(&[Write::Delete { key }]).await?;
        Ok(false)
    }

    /// Reads the next page of a partition, where nothing of it waits.
    async fn read(&self, due: &mut Due, now: Timestamp) -> Result<(), Error> {
        if !due.waiting.is_empty() || due.is_last {
            return Ok(());
        }
        let end = due::behind(now);
        let page = self.store.list(&due.pk, "", due.after.as_deref(), PAGE);
        let (items, next) = page.await?;
        due.is_last = next.is_none();
        for item in items {
            let deadline = due::read(item)?;
            if deadline.key.sk >= end {
                due.is_last = true;
                break;
            }
            due.waiting.push_back(deadline);
        }
        due.after = next;
        Ok(())
    }
}

/// The journals with a deadline that was refused before.
pub(super) async fn refused(
    service: &Service,
    store: &DataStore,
) -> Result<BTreeSet<StreamName>, Error> {
    let mut refused = BTreeSet::new();
    for runner in service.runners() {
        let reader = reader(runner);
        let mut after = None;
        loop {
            let page = stall::list(store, Some(&reader), after.as_deref(), 100);
            let (stalls, next) = page.await?;
            refused.extend(stalls.into_iter().map(|stall| stall.stream));
            after = next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(refused)
}
