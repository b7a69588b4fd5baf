//! What the processes of a system take: CPU time and memory, as Linux tells them.

use super::load::Load;
use crate::end::Outcome;
use local::System;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The name of the process in which DynamoDB, Kinesis and the gateway are.
const SYSTEM: &str = "system";

/// Linux tells CPU time in hundredths of a second.
const TICKS: f64 = 100.0;

/// All processes that were ever seen, by their ids.
#[derive(Default)]
pub struct Processes(Mutex<BTreeMap<u32, Process>>);

/// A process as it was seen last.
struct Process {
    name: String,
    /// Seconds of CPU time.
    cpu: f64,
    /// The most memory that it ever had, in MB.
    peak: f64,
}

/// The parts of a run, with what each has taken.
pub struct Phases<'a> {
    load: &'a Load<'a>,
    processes: &'a Processes,
    since: Instant,
    before: BTreeMap<String, f64>,
    phases: Vec<Value>,
}

impl Processes {
    /// Looks at all that run now.
    pub fn look(&self, system: &System) {
        let functions = system.function_pids().into_iter();
        let functions = functions.map(|(name, pid)| (name.to_string(), pid));
        let own = (SYSTEM.to_string(), std::process::id());
        let seen = functions.chain([own]).filter_map(|(name, pid)| {
            let process = Process {
                name,
                cpu: cpu(pid)?,
                peak: peak(pid)?,
            };
            Some((pid, process))
        });
        self.locked().extend(seen);
    }

    /// CPU time by name, in seconds.
    fn cpu(&self) -> BTreeMap<String, f64> {
        let mut cpu = BTreeMap::new();
        for process in self.locked().values() {
            *cpu.entry(process.name.clone()).or_default() += process.cpu;
        }
        cpu
    }

    /// The most memory of one process of each name, in MB.
    fn peaks(&self) -> BTreeMap<String, f64> {
        let mut peaks: BTreeMap<String, f64> = BTreeMap::new();
        for process in self.locked().values() {
            let peak = peaks.entry(process.name.clone()).or_default();
            *peak = peak.max(process.peak);
        }
        peaks
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<u32, Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Phases<'a> {
    /// Begins with the first one.
    pub fn begin(load: &'a Load<'a>, processes: &'a Processes) -> Self {
        processes.look(load.system);
        Self {
            load,
            processes,
            since: Instant::now(),
            before: processes.cpu(),
            phases: Vec::new(),
        }
    }

    /// Begins the next one.
    pub fn again(&mut self) {
        self.processes.look(self.load.system);
        self.since = Instant::now();
        self.before = self.processes.cpu();
    }

    /// Says how fast a phase is so far.
    pub fn half(&self, what: &str) -> Outcome {
        let (events, seconds) = (self.load.events, self.since.elapsed().as_secs_f64());
        let rate = events as f64 / seconds;
        self.load.say(format_args!(
            "  {what:<9} {events} events in {seconds:.1} s: {rate:.0} a second"
        ))
    }

    /// Ends a phase: says its rate, and the CPU time and memory that it took.
    pub fn end(&mut self, what: &str) -> Outcome {
        let seconds = self.since.elapsed().as_secs_f64();
        self.half(what)?;
        self.processes.look(self.load.system);
        let peaks = self.processes.peaks();
        let mut cpu = BTreeMap::new();
        for (name, now) in self.processes.cpu() {
            let before = self.before.get(&name).copied().unwrap_or_default();
            let micros = (now - before) * 1e6 / self.load.events as f64;
            let peak = peaks.get(&name).copied().unwrap_or_default();
            self.load.say(format_args!(
                "    {name:<14} {micros:>7.1} µs of CPU an event, {peak:>5.0} MB at most"
            ))?;
            cpu.insert(name, micros);
        }
        self.phases.push(json!({
            "phase": what,
            "seconds": seconds,
            "micros_cpu_an_event": cpu,
            "megabytes_at_most": peaks,
        }));
        Ok(())
    }

    /// All phases.
    pub fn json(&self) -> Value {
        json!({"events": self.load.events, "phases": self.phases})
    }
}

/// The CPU time of a process, in seconds.
fn cpu(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // A name may have spaces and brackets; what follows has none.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let kernel: f64 = fields.next()?.parse().ok()?;
    Some((user + kernel) / TICKS)
}

/// The most memory that a process ever had, in MB.
fn peak(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes / 1024.0)
}
