//! Reversals: whatever comes when, a live row, a rebuilt row and what the
//! auditor folds are the same.

mod support;

use rewind::{
    CloudEvent, Delivery, Envelope, MultiStreamProjection, Receiver, RecordedEvent, Rejection,
    Replay, Reverted, Service, SingleStreamProjection, StreamName, Target,
    reversal::{Reversal, Reversals},
};
use rewind_aws::{
    audit::{
        report::{Counts, Violation, Watch},
        run::Audit,
    },
    data_table::{key::Key, row::Row, stall},
    history::resolve,
    project::projector::Projector,
    reverse::reversal::{Named, ReverseError, Reverser},
    sequence::sequencer::{Outcome, Sequencer},
};
use serde_json::{Value, json};
use support::{Aws, CountEvent, Sums, delivery, event};

/// Adds up, and can take back.
struct Totals;
impl SingleStreamProjection for Totals {
    type Event = CountEvent;
    type Row = i64;
    const NAME: &'static str = "totals";
    fn apply(total: &mut i64, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        *total += number(event);
        Ok(())
    }
    fn revert(total: &mut i64, event: &Envelope<CountEvent>) -> Result<Reverted, Rejection> {
        *total -= number(event);
        Ok(Reverted::Done)
    }
}

/// Adds up over all streams.
struct Overall;
impl MultiStreamProjection for Overall {
    type Event = CountEvent;
    type Row = i64;
    const NAME: &'static str = "overall";
    fn keys(event: &Envelope<CountEvent>) -> Result<Vec<String>, Rejection> {
        Ok(vec![format!("digit/{}", number(event) % 10)])
    }
    fn apply(_: &str, total: &mut i64, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        let n = number(event);
        if n == 666 {
            return Err(Rejection::new("the number of the beast"));
        }
        *total += n;
        Ok(())
    }
    fn revert(_: &str, total: &mut i64, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        *total -= number(event);
        Ok(())
    }
}

fn number(event: &Envelope<CountEvent>) -> i64 {
    event.data.number().n as i64
}

fn service() -> Service {
    Service::new()
        .single_stream::<Sums>()
        .single_stream::<Totals>()
        .multi_stream::<Overall>()
}

async fn record(aws: &Aws, events: &[CloudEvent]) -> Vec<RecordedEvent> {
    let outcomes = Sequencer::new(aws.events()).record(events).await;
    let recorded = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Recorded { recorded, .. } => *recorded,
        other => panic!("{other:?}"),
    });
    recorded.collect()
}

/// Records the reversal of a version of a stream.
async fn reverse(aws: &Aws, stream: &str, version: u64) -> RecordedEvent {
    let events = support::recorded(&aws.events(), stream).await;
    let event = &events[version as usize - 1];
    let reversal = Reversal {
        version,
        source: event.event.source.clone(),
        id: event.event.id.clone(),
        reason: "a test".into(),
        by: "a test".into(),
    };
    let nth = Reversals::among(&events).times(version);
    let event = reversal.event(event, nth, "2026-01-01T00:00:00Z".into());
    record(aws, &[event]).await.remove(0)
}

fn target(projection: &str, generation: u64) -> Target {
    let projection = projection.to_string();
    Target {
        projection,
        generation,
    }
}

async fn row(aws: &Aws, projection: &str, generation: u64, key: &str) -> Row {
    let key = Key::row(&target(projection, generation), key);
    aws.data().get(&key).await.unwrap().unwrap_or_default()
}

async fn state(aws: &Aws, projection: &str, generation: u64, key: &str) -> Value {
    row(aws, projection, generation, key)
        .await
        .state
        .unwrap_or_default()
}

async fn project(aws: &Aws, events: &[RecordedEvent]) {
    let projector = Projector::new(service(), aws.events(), aws.data());
    let projected = projector.project(&[delivery(events)]).await.unwrap();
    assert!(projected.failed.is_empty(), "{projected:?}");
}

/// Builds a new generation of each projection from whole streams, in runs of
/// `size`, and expects the rows that the live system has.
async fn rebuilt_is_live(aws: &Aws, streams: &[&str], size: usize) {
    let mut events = Vec::new();
    for stream in streams {
        events.push(support::recorded(&aws.events(), stream).await);
    }
    let service = service();
    for projection in service.projections() {
        let id = format!("{}-{size}", projection.name);
        let store = aws.data();
        let target = support::open(&store, projection, &id, true).await;
        let target = target.unwrap();
        for run in events.iter().flat_map(|events| events.chunks(size)) {
            let replayed = Delivery {
                replay: Some(Replay::new("r", [Receiver::Projection(target.clone())])),
                events: run.to_vec(),
            };
            let projector = Projector::new(service.clone(), aws.events(), aws.data());
            projector.project(&[(0, replayed)]).await.unwrap();
        }
        let id = |stream: &&str| StreamName::new(*stream).unwrap().id().to_string();
        let keys: Vec<String> = match projection.name {
            "overall" => (0..10).map(|digit| format!("digit/{digit}")).collect(),
            _ => streams.iter().map(id).collect(),
        };
        for key in keys {
            let (live, built) = (
                state(aws, projection.name, 1, &key).await,
                state(aws, projection.name, target.generation, &key).await,
            );
            assert_eq!(built, live, "{target} {key} in runs of {size}");
        }
    }
}

struct Names(Vec<String>);
impl Watch for Names {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(format!("{violation:?}"));
    }

    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

async fn is_clean(aws: &Aws) -> Counts {
    let mut names = Names(Vec::new());
    let audit = Audit::new(service(), aws.events(), aws.data());
    let counts = audit.run(&mut names).await.unwrap();
    assert_eq!(names.0, Vec::<String>::new());
    counts
}

fn counted(stream: &str, numbers: impl IntoIterator<Item = u64>) -> Vec<CloudEvent> {
    let events = numbers.into_iter();
    events
        .map(|n| event(stream, &format!("{stream}/{n}"), n))
        .collect()
}

#[tokio::test]
async fn an_event_taken_back_is_in_no_row_and_comes_back_when_restored() {
    let aws = Aws::start().await;
    let events = record(&aws, &counted("count-1", 1..=5)).await;
    project(&aws, &events).await;
    let reversal = reverse(&aws, "count-1", 2).await;
    project(&aws, &[reversal]).await;
    let sums = row(&aws, "sums", 1, "1").await;
    assert_eq!(sums.state, Some(json!({"sum": 13, "seen": [1, 3, 4, 5]})));
    assert_eq!(sums.watermark, 6);
    assert_eq!(state(&aws, "totals", 1, "1").await, json!(13));
    assert_eq!(state(&aws, "overall", 1, "digit/2").await, json!(0));
    for size in [1, 2, 3, 100] {
        rebuilt_is_live(&aws, &["count-1"], size).await;
    }
    is_clean(&aws).await;

    let restored = reverse(&aws, "count-1", 6).await;
    project(&aws, &[restored]).await;
    let all = json!({"sum": 15, "seen": [1, 2, 3, 4, 5]});
    assert_eq!(state(&aws, "sums", 1, "1").await, all);
    assert_eq!(state(&aws, "totals", 1, "1").await, json!(15));
    assert_eq!(state(&aws, "overall", 1, "digit/2").await, json!(2));
    let again = reverse(&aws, "count-1", 2).await;
    project(&aws, &[again]).await;
    assert_eq!(state(&aws, "sums", 1, "1").await["sum"], 13);
    // To take the restoration back as well takes the event back once.
    let twice = reverse(&aws, "count-1", 7).await;
    project(&aws, &[twice]).await;
    assert_eq!(state(&aws, "totals", 1, "1").await, json!(13));
    assert_eq!(state(&aws, "overall", 1, "digit/2").await, json!(0));
    for size in [1, 2, 3, 100] {
        rebuilt_is_live(&aws, &["count-1"], size).await;
    }
    is_clean(&aws).await;
    // A shared row as it was after each event, folded on the fly.
    let service = service();
    let overall = service.projection("overall").unwrap();
    let far = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let events = support::recorded(&aws.events(), "count-1").await;
    let mut then = Vec::new();
    for event in &events {
        let (store, at) = (aws.events(), event.position);
        let past = resolve::Past {
            position: at,
            selection: None,
        };
        let wanted = resolve::Wanted::Key("digit/2");
        let folded = resolve::fold_shared(&store, overall, wanted, past, far).await;
        let mut rows = folded.unwrap().unwrap();
        then.push(rows.remove("digit/2").unwrap_or_default());
    }
    let row = |n: u64| json!(n);
    let expected = [
        Value::Null,
        row(2),
        row(2),
        row(2),
        row(2),
        row(0),
        row(2),
        row(0),
        row(0),
    ];
    assert_eq!(then, expected);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_reversal_that_comes_late_repeated_or_behind_a_gap_changes_nothing() {
    let aws = Aws::start().await;
    record(&aws, &counted("count-1", 1..=3)).await;
    reverse(&aws, "count-1", 1).await;
    let last = record(&aws, &counted("count-1", [4])).await;
    // Nothing of the stream was delivered before its last event.
    project(&aws, &last).await;
    let events = support::recorded(&aws.events(), "count-1").await;
    project(&aws, &events[2..4]).await;
    project(&aws, &events).await;
    let expected = json!({"sum": 9, "seen": [2, 3, 4]});
    assert_eq!(state(&aws, "sums", 1, "1").await, expected);
    assert_eq!(state(&aws, "totals", 1, "1").await, json!(9));
    rebuilt_is_live(&aws, &["count-1"], 2).await;
    // The only event of a stream: the row stays, as if nothing had happened.
    let only = record(&aws, &counted("count-2", [7])).await;
    project(&aws, &only).await;
    let reversal = reverse(&aws, "count-2", 1).await;
    project(&aws, &[reversal]).await;
    assert_eq!(state(&aws, "totals", 1, "2").await, json!(0));
    let nothing = json!({"sum": 0, "seen": []});
    assert_eq!(state(&aws, "sums", 1, "2").await, nothing);
    for size in [1, 2] {
        rebuilt_is_live(&aws, &["count-1", "count-2"], size).await;
    }
    is_clean(&aws).await;
    aws.system.stop().await;
}

#[tokio::test]
async fn reversing_a_poisoned_event_lets_its_stream_go_on() {
    let aws = Aws::start().await;
    // 13 panics in `sums`, 666 is refused in `overall`.
    let events = record(&aws, &counted("count-1", [1, 13, 666, 4])).await;
    project(&aws, &events).await;
    let (reports, _) = stall::list(&aws.data(), None, None, 10).await.unwrap();
    assert_eq!(reports.len(), 2, "{reports:?}");
    for version in [2, 3] {
        let reversal = reverse(&aws, "count-1", version).await;
        project(&aws, &[reversal]).await;
    }
    let expected = json!({"sum": 5, "seen": [1, 4]});
    assert_eq!(state(&aws, "sums", 1, "1").await, expected);
    assert_eq!(state(&aws, "totals", 1, "1").await, json!(5));
    assert_eq!(state(&aws, "overall", 1, "digit/6").await, Value::Null);
    let (reports, _) = stall::list(&aws.data(), None, None, 10).await.unwrap();
    assert_eq!(reports, []);
    for size in [2, 3, 100] {
        rebuilt_is_live(&aws, &["count-1"], size).await;
    }
    let counts = is_clean(&aws).await;
    assert_eq!(counts.stalled, 0);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_poisoned_event_and_its_reversal_may_lie_many_transactions_apart() {
    let aws = Aws::start().await;
    record(&aws, &counted("count-1", [666])).await;
    // Each its own commit: more than a page of them.
    for n in 1..=130 {
        record(&aws, &counted("count-1", [n * 10])).await;
    }
    let reversal = reverse(&aws, "count-1", 1).await;
    project(&aws, &[reversal]).await;
    let sum: u64 = (1..=130).map(|n| n * 10).sum();
    assert_eq!(state(&aws, "overall", 1, "digit/0").await, json!(sum));
    assert_eq!(state(&aws, "overall", 1, "digit/6").await, Value::Null);
    assert_eq!(state(&aws, "sums", 1, "1").await["sum"], json!(sum));
    rebuilt_is_live(&aws, &["count-1"], 40).await;
    let counts = is_clean(&aws).await;
    assert_eq!(counts.stalled, 0);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_reversal_is_shown_before_it_is_done_and_done_once() {
    let aws = Aws::start().await;
    let events = record(&aws, &counted("count-1", 1..=3)).await;
    project(&aws, &events).await;
    let incoming = aws.stream("IncomingStream");
    let reverser = Reverser::new(service(), aws.events(), aws.data(), incoming);
    let named = |version| Named {
        stream: StreamName::new("count-1").unwrap(),
        version,
    };
    let preview = reverser.preview(&named(2)).await.unwrap();
    let rows: Vec<(&str, Option<Value>, Option<Value>)> = preview
        .rows
        .into_iter()
        .map(|row| (row.projection, row.before, row.after))
        .collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(rows[1], ("totals", Some(json!(6)), Some(json!(4))));
    assert_eq!(rows[2], ("overall", Some(json!(2)), Some(json!(0))));
    assert_eq!(preview.depending, []);

    let accepted = reverser.reverse(&named(2), "wrong", "ann").await.unwrap();
    let twice = reverser.reverse(&named(2), "wrong", "ann").await.unwrap();
    assert_eq!(accepted, twice, "not recorded yet: the same event");
    reverse(&aws, "count-1", 2).await;
    let status = |refused: ReverseError| match refused {
        ReverseError::Refused(problem) => (problem.status, problem.detail),
        ReverseError::Service(error) => panic!("{error}"),
    };
    let refused = reverser.reverse(&named(2), "wrong", "ann").await;
    let (code, detail) = status(refused.unwrap_err());
    assert_eq!(code, 409);
    assert!(detail.contains("by version 4"), "{detail}");
    for (version, reason, code) in [(9, "wrong", 404), (1, " ", 422)] {
        let refused = reverser.reverse(&named(version), reason, "ann").await;
        assert_eq!(status(refused.unwrap_err()).0, code);
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn a_reversal_that_cannot_be_decoded_stalls_its_stream_until_it_is_taken_back() {
    let aws = Aws::start().await;
    let mut broken = event("count-1", "broken", 0);
    broken.source = rewind::reversal::REVERSAL_SOURCE.into();
    broken.event_type = rewind::reversal::REVERSED.into();
    broken.data = rewind::event::raw(&json!({"version": "one"}));
    let mut events = counted("count-1", [1, 2]);
    events.push(broken);
    events.extend(counted("count-1", [4]));
    let recorded = record(&aws, &events).await;
    let well = record(&aws, &counted("count-2", [7])).await;
    project(&aws, &recorded).await;
    project(&aws, &well).await;
    let (reports, _) = stall::list(&aws.data(), None, None, 10).await.unwrap();
    assert_eq!(reports.len(), 3, "{reports:?}");
    for report in &reports {
        assert_eq!((report.stream.as_str(), report.version), ("count-1", 3));
        let why = "a reversal whose data cannot be decoded: `reversed`: data.version";
        assert!(report.reason.starts_with(why), "{}", report.reason);
    }
    let before = json!({"sum": 3, "seen": [1, 2]});
    assert_eq!(state(&aws, "sums", 1, "1").await, before);
    assert_eq!(state(&aws, "totals", 1, "1").await, json!(3));
    assert_eq!(state(&aws, "overall", 1, "digit/4").await, Value::Null);
    assert_eq!(state(&aws, "totals", 1, "2").await, json!(7));
    let counts = is_clean(&aws).await;
    assert_eq!(counts.stalled, 3);
    for size in [1, 2, 3, 100] {
        rebuilt_is_live(&aws, &["count-1", "count-2"], size).await;
    }

    let reversal = reverse(&aws, "count-1", 3).await;
    project(&aws, &[reversal]).await;
    let (reports, _) = stall::list(&aws.data(), Some("sums@1"), None, 10)
        .await
        .unwrap();
    assert_eq!(reports, []);
    assert_eq!(state(&aws, "totals", 1, "1").await, json!(7));
    assert_eq!(state(&aws, "overall", 1, "digit/4").await, json!(4));
    let all = json!({"sum": 7, "seen": [1, 2, 4]});
    assert_eq!(state(&aws, "sums", 1, "1").await, all);
    is_clean(&aws).await;
    // A row of the past stalls there as well: it was not taken back by then.
    let (service, stream) = (service(), StreamName::new("count-1").unwrap());
    let subject = resolve::Subject {
        projection: service.projection("totals").unwrap(),
        stream: &stream,
        key: "1",
        selection: None,
    };
    let then = resolve::fold(&aws.events(), subject, 4).await.unwrap();
    assert_eq!((then.state, then.watermark), (Some(json!(3)), 2));
    assert!(then.refused.is_some());
    // Restored, it stalls its stream again, and the row stays.
    let restored = reverse(&aws, "count-1", 5).await;
    project(&aws, &[restored]).await;
    let stalled = row(&aws, "totals", 1, "1").await;
    assert_eq!((stalled.state, stalled.watermark), (Some(json!(7)), 5));
    assert!(stalled.stalled.unwrap().contains("cannot be decoded"));
    is_clean(&aws).await;
    aws.system.stop().await;
}

#[tokio::test]
async fn what_is_taken_back_behind_a_stall_still_counts_before_it() {
    let aws = Aws::start().await;
    // 13 panics in `sums`, and the stream stalls there for good.
    let events = record(&aws, &counted("count-1", [1, 2, 13])).await;
    for event in &events {
        project(&aws, std::slice::from_ref(event)).await;
    }
    let reversal = reverse(&aws, "count-1", 1).await;
    project(&aws, &[reversal]).await;
    let expected = json!({"sum": 3, "seen": [1, 2]});
    assert_eq!(state(&aws, "sums", 1, "1").await, expected);
    // A rebuild knows the reversal before it comes to the event.
    for size in [1, 2, 100] {
        rebuilt_is_live(&aws, &["count-1"], size).await;
    }
    is_clean(&aws).await;
    aws.system.stop().await;
}
