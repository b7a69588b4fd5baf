//! The memory of processes.

use std::fs;

/// Returns the memory of these processes together, in MB. A page that several
/// of them share counts once (Linux's PSS). `None` where `/proc` does not tell.
pub fn megabytes(pids: impl IntoIterator<Item = u32>) -> Option<u64> {
    let mut kilobytes = 0;
    for pid in pids {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        let number = line.trim().trim_end_matches("kB").trim();
        kilobytes += number.parse::<u64>().ok()?;
    }
    Some(kilobytes / 1024)
}
