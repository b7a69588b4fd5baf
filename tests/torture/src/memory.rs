//! The peak memory of pump, write and microservice.

use crate::kills::Background;
use local::System;
use std::{
    collections::BTreeMap,
    fmt, fs,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::oneshot;

/// The time between two looks at the processes. A shorter process is missed.
const INTERVAL: Duration = Duration::from_millis(100);

/// The functions that are watched.
const WATCHED: [&str; 3] = ["pump", "write", "microservice"];

/// A process's memory in kB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peak {
    resident: u64,
    own: u64,
}

/// The peaks by function.
pub type Peaks = BTreeMap<String, Peak>;

impl fmt::Display for Peak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resident, own) = (self.resident as f64 / 1024.0, self.own as f64 / 1024.0);
        write!(
            f,
            "{resident:.1} MB resident, {own:.1} MB of it its own and not the program's"
        )
    }
}

/// Watches until it is stopped.
pub fn start(system: &Arc<System>) -> Background<Peaks> {
    let system = Arc::downgrade(system);
    Background::start(move |stopped| watch(stopped, system))
}

async fn watch(mut stopped: oneshot::Receiver<()>, system: Weak<System>) -> Peaks {
    let mut peaks = Peaks::new();
    loop {
        let pids = system.upgrade().map(|system| system.function_pids());
        for (function, pid) in pids.unwrap_or_default() {
            if !WATCHED.iter().any(|watched| function.ends_with(watched)) {
                continue;
            }
            let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else {
                continue;
            };
            let peak = peaks.entry(function).or_default();
            peak.resident = peak.resident.max(kilobytes(&status, "VmHWM:"));
            peak.own = peak.own.max(kilobytes(&status, "RssAnon:"));
        }
        tokio::select! {
            _ = &mut stopped => return peaks,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

fn kilobytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.map(|line| line.trim().trim_end_matches("kB").trim());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
