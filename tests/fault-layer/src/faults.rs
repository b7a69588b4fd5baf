//! The faults of a run: what is drawn, whether they go on, and how many there
//! were.

use crate::{
    dice::Dice,
    plan::{Kind, Plan},
};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// What [`Faults::from_env`] reads its plan from, such as `seed=7,rate=0.02`.
pub const VARIABLE: &str = "REWIND_FAULTS";

/// The folder where each process appends the kinds of its faults, a line each,
/// to `<pid>.log`.
pub const LOG_VARIABLE: &str = "REWIND_FAULTS_LOG";

/// Injects faults by a plan and counts them. Clones share everything.
#[derive(Debug, Clone)]
pub struct Faults {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub dice: Dice,
    pub is_on: AtomicBool,
    /// Requests that were given up by their sender and have not arrived yet.
    pub under_way: AtomicUsize,
    counts: Mutex<BTreeMap<(Kind, String), u64>>,
    log: Option<Mutex<File>>,
}

impl Faults {
    /// Faults by this plan, from now on.
    pub fn new(plan: Plan) -> Self {
        Self::logged(plan, None)
    }

    /// Faults as the environment wants them, if it does. The process id is
    /// mixed into the seed: a process that is started again after a crash has
    /// another fate than the one before.
    ///
    /// # Panics
    ///
    /// When the plan cannot be read, or its log not be written: a run without
    /// the faults that were asked for would show nothing.
    pub fn from_env() -> Option<Self> {
        let text = std::env::var(VARIABLE).ok()?;
        let mut plan: Plan = match text.parse() {
            Ok(plan) => plan,
            Err(bad) => panic!("{VARIABLE}: {bad}"),
        };
        let pid = std::process::id();
        plan.seed ^= u64::from(pid) << 32;
        let folder = std::env::var(LOG_VARIABLE).ok();
        let log = folder.map(|folder| {
            let path = Path::new(&folder).join(format!("{pid}.log"));
            let opened = OpenOptions::new().create(true).append(true).open(&path);
            match opened {
                Ok(file) => Mutex::new(file),
                Err(error) => panic!("{LOG_VARIABLE}: {}: {error}", path.display()),
            }
        });
        Some(Self::logged(plan, log))
    }

    fn logged(plan: Plan, log: Option<Mutex<File>>) -> Self {
        let shared = Shared {
            dice: Dice::new(plan),
            is_on: AtomicBool::new(true),
            under_way: AtomicUsize::new(0),
            counts: Mutex::default(),
            log,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Injects nothing more.
    pub fn stop(&self) {
        self.shared.is_on.store(false, Ordering::SeqCst);
    }

    /// Returns when every request that was given up has arrived.
    pub async fn settled(&self) {
        while self.shared.under_way.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// How many faults were injected, by kind and by operation.
    pub fn counts(&self) -> BTreeMap<(Kind, String), u64> {
        let counts = self.shared.counts.lock();
        counts.map_or_else(|_| BTreeMap::new(), |counts| counts.clone())
    }

    pub(crate) fn count(&self, kind: Kind, operation: &str) {
        if let Ok(mut counts) = self.shared.counts.lock() {
            *counts.entry((kind, operation.to_string())).or_default() += 1;
        }
        if let Some(Ok(mut log)) = self.shared.log.as_ref().map(Mutex::lock) {
            // One short write: a process that is killed leaves whole lines.
            let line = format!("{kind}\n");
            if let Err(error) = log.write_all(line.as_bytes()) {
                tracing::warn!(%error, "a fault is not logged");
            }
        }
    }
}
