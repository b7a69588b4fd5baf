//! Which incidents begin and which are over, by a look at the whole system.
//!
//! This file decides. `data_table/incident.rs` keeps what is decided.

use super::health::Health;
use crate::data_table::incident::{Incident, Kind};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a look changes in the list of incidents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What is wrong, and not open yet.
    pub begun: Vec<Incident>,
    /// What is open, and no longer wrong.
    pub over: Vec<Incident>,
}

/// Compares a look at `now` with the incidents that are open. What lasts for less
/// than `patience` is none, as in `/health`.
///
/// Where more is wrong than the look names, an incident that it does not name may
/// go on: it stays open until all of its kind are named.
pub fn changes(
    health: &Health,
    open: Vec<Incident>,
    now: Timestamp,
    patience: Duration,
) -> Changes {
    let mut wrong: BTreeMap<String, Incident> = BTreeMap::new();
    for incident in found(health, now, patience) {
        wrong.entry(incident.name()).or_insert(incident);
    }
    let known: BTreeSet<String> = open.iter().map(Incident::name).collect();
    let is_named = |incident: &Incident| match incident.kind {
        Kind::StalledStream => !health.more_stalled,
        Kind::DeadLetter => !health.more_dead_letters,
        _ => true,
    };
    let over = open
        .into_iter()
        .filter(|incident| is_named(incident) && !wrong.contains_key(&incident.name()))
        .collect();
    wrong.retain(|name, _| !known.contains(name));
    Changes {
        begun: wrong.into_values().collect(),
        over,
    }
}

/// All that is wrong. The console finds the same, under the same names
/// (`cli/console/health.js`).
fn found(health: &Health, now: Timestamp, patience: Duration) -> Vec<Incident> {
    let patience = patience.as_secs();
    let before = |seconds: u64| {
        let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        now.checked_sub(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
    };
    let incident = |kind, what: String, why: String, since| Incident {
        kind,
        what,
        at: None,
        why,
        since,
        until: None,
    };
    let at = |place: String, incident: Incident| Incident {
        at: Some(place),
        ..incident
    };
    let mut found = Vec::new();
    for stall in &health.stalled {
        let place = format!("{}@{}", stall.stream, stall.version);
        let what = format!("{} on {place}", stall.reader);
        let one = incident(Kind::StalledStream, what, stall.reason.clone(), now);
        found.push(at(place, one));
    }
    for shard in &health.failing {
        let seconds = now.duration_since(shard.since).as_secs();
        if seconds.max(0).unsigned_abs() >= patience {
            let what = format!("{} on {}", shard.function, shard.shard);
            let (why, since) = (shard.reason.clone(), shard.since);
            found.push(incident(Kind::FailingBatch, what, why, since));
        }
    }
    for playback in &health.failing_playbacks {
        let seconds = now.duration_since(playback.since).as_secs();
        if seconds.max(0).unsigned_abs() >= patience {
            let what = format!("playback {}", playback.id);
            let (why, since) = (playback.reason.clone(), playback.since);
            found.push(incident(Kind::FailingPlayback, what, why, since));
        }
    }
    for letter in &health.dead_letters {
        let why = "A trigger has given up on this batch.".to_string();
        let (what, since) = (letter.key.clone(), letter.time);
        found.push(incident(Kind::DeadLetter, what, why, since));
    }
    for lag in &health.readers {
        if lag.events > 0 && lag.seconds >= patience {
            let why = format!("{} events wait for it.", lag.events);
            let (what, since) = (lag.reader.clone(), before(lag.seconds));
            found.push(incident(Kind::ReaderBehind, what, why, since));
        }
    }
    for waits in &health.calls {
        if waits.seconds >= patience {
            let what = format!("gateway {}", waits.gateway);
            let (why, since) = (waits.reason.clone(), before(waits.seconds));
            found.push(incident(Kind::WaitingCalls, what, why, since));
        }
    }
    let reports = [
        (
            Kind::Conflict,
            "rewind-conflicts",
            health.conflicts,
            "A (source, id) was used again with other content.",
        ),
        (
            Kind::UnreadableRecord,
            "rewind-unreadable",
            health.unreadable,
            "It could not be recorded.",
        ),
    ];
    for (kind, stream, events, why) in reports {
        if events > 0 {
            let one = incident(kind, stream.to_string(), why.to_string(), now);
            found.push(at(format!("{stream}@{events}"), one));
        }
    }
    for undeclared in &health.undeclared {
        let what = format!("{} of {}", undeclared.event_type, undeclared.category);
        let why = "No enum declares it. Readers pass over its events.".to_string();
        let place = format!("{}@{}", undeclared.stream, undeclared.version);
        let one = incident(Kind::UndeclaredType, what, why, now);
        found.push(at(place, one));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{
            health::{PATIENCE, Status},
            lag::Lag,
        },
        data_table::{
            dead_letter::DeadLetter, shard::Failing, stall::Stall, undeclared::Undeclared,
        },
        gateway::overdue::Waits,
        playback::failing::FailingPlayback,
    };

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn noon() -> Timestamp {
        time("2026-11-30T12:00:00Z")
    }

    fn well() -> Health {
        Health {
            status: Status::Ok,
            why: Vec::new(),
            readers: Vec::new(),
            failing: Vec::new(),
            failing_playbacks: Vec::new(),
            stalled: Vec::new(),
            more_stalled: false,
            calls: Vec::new(),
            dead_letters: Vec::new(),
            more_dead_letters: false,
            conflicts: 0,
            unreadable: 0,
            undeclared: Vec::new(),
        }
    }

    fn stall(version: u64) -> Stall {
        let stream = "cart-1".parse().unwrap();
        Stall::new("carts@1", &stream, version - 1, "no such product")
    }

    fn lag(seconds: u64) -> Lag {
        Lag {
            reader: "carts@1".into(),
            events: 3,
            seconds,
        }
    }

    fn letter(key: &str) -> DeadLetter {
        DeadLetter {
            key: key.into(),
            bytes: None,
            time: time("2026-11-30T09:00:00Z"),
        }
    }

    fn failing(since: &str) -> Failing {
        Failing {
            function: "write".into(),
            shard: "events/shard-0".into(),
            sequence_number: "1".into(),
            since: time(since),
            reason: "throttled".into(),
        }
    }

    fn failing_playback(since: &str) -> FailingPlayback {
        FailingPlayback {
            id: "p".into(),
            since: time(since),
            reason: "not allowed".into(),
        }
    }

    fn waits(seconds: u64) -> Waits {
        Waits {
            gateway: "mail".into(),
            logs: 2,
            seconds,
            reason: "no URL".into(),
        }
    }

    fn begun(health: &Health) -> Vec<Incident> {
        let Changes { begun, over } = changes(health, Vec::new(), noon(), PATIENCE);
        assert_eq!(over, []);
        begun
    }

    #[test]
    fn each_kind_is_found_with_its_place_and_the_time_that_it_tells_itself() {
        let health = Health {
            stalled: vec![stall(3)],
            failing: vec![failing("2026-11-30T11:59:00Z")],
            failing_playbacks: vec![failing_playback("2026-11-30T11:58:59Z")],
            dead_letters: vec![letter("a/b")],
            readers: vec![lag(90)],
            calls: vec![waits(120)],
            conflicts: 2,
            unreadable: 1,
            undeclared: vec![Undeclared {
                category: "cart".into(),
                event_type: "cart-lost".into(),
                stream: "cart-9".parse().unwrap(),
                version: 4,
            }],
            ..well()
        };
        let found = begun(&health);
        let told = |kind| {
            let one = found.iter().find(|one| one.kind == kind).unwrap();
            let since = one.since.to_string();
            (one.what.as_str(), one.at.as_deref(), since)
        };
        let noon = || noon().to_string();
        for (kind, what, at, since) in [
            (
                Kind::StalledStream,
                "carts@1 on cart-1@3",
                Some("cart-1@3"),
                noon(),
            ),
            (
                Kind::FailingBatch,
                "write on events/shard-0",
                None,
                "2026-11-30T11:59:00Z".into(),
            ),
            (
                Kind::FailingPlayback,
                "playback p",
                None,
                "2026-11-30T11:58:59Z".into(),
            ),
            (Kind::DeadLetter, "a/b", None, "2026-11-30T09:00:00Z".into()),
            (
                Kind::ReaderBehind,
                "carts@1",
                None,
                "2026-11-30T11:58:30Z".into(),
            ),
            (
                Kind::WaitingCalls,
                "gateway mail",
                None,
                "2026-11-30T11:58:00Z".into(),
            ),
            (
                Kind::Conflict,
                "rewind-conflicts",
                Some("rewind-conflicts@2"),
                noon(),
            ),
            (
                Kind::UnreadableRecord,
                "rewind-unreadable",
                Some("rewind-unreadable@1"),
                noon(),
            ),
            (
                Kind::UndeclaredType,
                "cart-lost of cart",
                Some("cart-9@4"),
                noon(),
            ),
        ] {
            assert_eq!(told(kind), (what, at, since));
        }
        assert_eq!(found.len(), 9);
    }

    #[test]
    fn what_lasts_for_less_than_patience_is_no_incident() {
        let health = Health {
            failing: vec![failing("2026-11-30T11:59:01Z")],
            failing_playbacks: vec![failing_playback("2026-11-30T11:59:01Z")],
            readers: vec![
                lag(59),
                Lag {
                    events: 0,
                    ..lag(99)
                },
            ],
            calls: vec![waits(59)],
            ..well()
        };
        assert_eq!(begun(&health), []);
    }

    #[test]
    fn what_goes_on_changes_nothing() {
        let sick = |lag, conflicts| Health {
            stalled: vec![stall(3)],
            readers: vec![lag],
            conflicts,
            ..well()
        };
        let open = begun(&sick(lag(60), 1));
        assert_eq!(open.len(), 3);
        let later = noon() + SignedDuration::from_mins(1);
        let worse = sick(
            Lag {
                events: 50,
                ..lag(120)
            },
            7,
        );
        assert_eq!(changes(&worse, open, later, PATIENCE), Changes::default());
    }

    #[test]
    fn what_is_gone_is_over_and_another_event_is_another_incident() {
        let at = |version| Health {
            stalled: vec![stall(version)],
            ..well()
        };
        let open = begun(&at(3));
        let next = changes(&at(5), open.clone(), noon(), PATIENCE);
        assert_eq!(next.over, open);
        assert_eq!(next.begun[0].what, "carts@1 on cart-1@5");
        let gone = changes(&well(), open.clone(), noon(), PATIENCE);
        assert_eq!((gone.over, gone.begun), (open, Vec::new()));
    }

    #[test]
    fn what_the_look_does_not_name_stays_open_where_there_is_more() {
        let named = Health {
            stalled: vec![stall(3)],
            dead_letters: vec![letter("a")],
            readers: vec![lag(60)],
            ..well()
        };
        let open = begun(&named);
        let of = |kind| {
            let mut open = open.clone();
            open.retain(|incident| incident.kind == kind);
            open
        };
        let late = of(Kind::ReaderBehind);
        for (more_stalled, more_dead_letters, stay) in [
            (true, false, Kind::StalledStream),
            (false, true, Kind::DeadLetter),
        ] {
            let others = Health {
                more_stalled,
                more_dead_letters,
                ..well()
            };
            let told = changes(&others, open.clone(), noon(), PATIENCE);
            assert_eq!(told.begun, []);
            assert_eq!(told.over.len(), 2, "{told:?}");
            assert!(told.over.iter().all(|incident| incident.kind != stay));
            assert!(told.over.contains(&late[0]));
        }
    }
}
