//! The state of a system, for people.

use super::State;
use crate::{follow, progress::drawn};
use rewind_aws::{
    audit::health::Status,
    aws::clock::now,
    data_table::{dead_letter::DeadLetter, shard::Failing, stall::Stall, undeclared::Undeclared},
    gateway::overdue::Waits,
    playback::failing::FailingPlayback,
};

/// The most lines below a heading. `--json` has all of them.
const MOST: usize = 10;

/// One screen. Each line ends with a line end.
pub fn text(state: &State) -> String {
    let health = &state.health;
    let status = match health.status {
        Status::Ok => "ok",
        Status::Stalled => "stalled",
        Status::DeadLetters => "dead letters",
        Status::Behind => "behind",
        Status::Failing => "failing",
    };
    let mut text = format!("{status}  ({})\n", now().strftime("%Y-%m-%d %H:%M:%SZ"));
    for why in &health.why {
        text.push_str(&format!("  {why}\n"));
    }
    let behind = health.readers.iter().filter(|lag| lag.events > 0);
    let mut behind: Vec<_> = behind.collect();
    behind.sort_by_key(|lag| std::cmp::Reverse((lag.seconds, lag.events)));
    let all = health.readers.len();
    text.push_str(&format!(
        "\nreaders: {all}, of which {} lag\n",
        behind.len()
    ));
    let lags = behind.iter().map(|lag| {
        let (reader, events, seconds) = (&lag.reader, lag.events, lag.seconds);
        format!("{reader:<24} {events:>10} events  {seconds:>6} s")
    });
    section(&mut text, "", lags, false);
    let stalls = health.stalled.iter().map(|stall| {
        let Stall {
            reader,
            stream,
            version,
            reason,
        } = stall;
        format!("{reader}  {stream}@{version}: {reason}")
    });
    section(&mut text, "stalled", stalls, health.more_stalled);
    let shards = health.failing.iter().map(|failing| {
        let Failing {
            function,
            shard,
            since,
            reason,
            ..
        } = failing;
        format!("{function} at {shard} since {since:.0}: {reason}")
    });
    let playbacks = health.failing_playbacks.iter().map(|playback| {
        let FailingPlayback { id, since, reason } = playback;
        format!("playback {id} since {since:.0}: {reason}")
    });
    let failing: Vec<String> = shards.chain(playbacks).collect();
    section(&mut text, "failing", failing.into_iter(), false);
    let playbacks = state.playbacks.iter().map(|playback| {
        let shown = playback.shown();
        let bar = drawn(shown.progress);
        format!("{}  {bar}  {}", playback.id, follow::words(playback))
    });
    section(&mut text, "playbacks", playbacks, false);
    let letters = health.dead_letters.iter().map(|letter| {
        let DeadLetter {
            key, bytes, time, ..
        } = letter;
        let bytes = bytes.map_or(String::new(), |bytes| format!("  {bytes} bytes"));
        format!("{key}  {time:.0}{bytes}")
    });
    section(&mut text, "dead letters", letters, health.more_dead_letters);
    let calls = health.calls.iter().map(|waits| {
        let Waits {
            gateway,
            logs,
            seconds,
            reason,
        } = waits;
        format!("{gateway}: {logs} keys, the first for {seconds} s: {reason}")
    });
    section(&mut text, "calls that wait", calls, false);
    let undeclared = health.undeclared.iter().map(|undeclared| {
        let Undeclared {
            category,
            event_type,
            stream,
            version,
        } = undeclared;
        format!("{category} has no type {event_type}: {stream}@{version}")
    });
    section(&mut text, "undeclared types", undeclared, false);
    let kept = [
        ("conflicts", health.conflicts, "rewind-conflicts"),
        ("unreadable", health.unreadable, "rewind-unreadable"),
    ];
    for (what, count, stream) in kept.into_iter().filter(|(_, count, _)| *count > 0) {
        text.push_str(&format!(
            "\n{what}: {count}, `rewind read {stream}` shows them\n"
        ));
    }
    text
}

/// Adds lines below a heading, if there are any.
fn section(
    text: &mut String,
    heading: &str,
    lines: impl ExactSizeIterator<Item = String>,
    are_more: bool,
) {
    let count = lines.len();
    if count == 0 {
        return;
    }
    if !heading.is_empty() {
        let more = if are_more { " or more" } else { "" };
        text.push_str(&format!("\n{heading}: {count}{more}\n"));
    }
    for line in lines.take(MOST) {
        let line = line.replace(['\n', '\r'], " ");
        text.push_str(&format!("  {line}\n"));
    }
    if count > MOST {
        text.push_str(&format!("  … and {}: --json names all\n", count - MOST));
    }
}
