//! What is read for a reversal, for a batch, and for a row that is folded again:
//! counted.

#[allow(dead_code, reason = "each test file uses its own part")]
#[path = "capacity/meter.rs"]
mod meter;
mod support;

use aws_smithy_http_client::Builder;
use meter::{Meter, Reading};
use rewind::{
    CloudEvent, Head, RecordedEvent, Service, StreamName, Target, commit, event::raw,
    reversal::Reversal,
};
use rewind_aws::{
    audit::{
        report::{Violation, Watch},
        run::Audit,
    },
    data_table::{data_store::DataStore, key::Key, row::Row},
    event_table::event_store::{Claim, EventStore, Inserted},
    generation::{lifecycle, sweep},
    history::resolve,
    project::projector::Projector,
    reverse::reversal::{Named, Reverser},
    sequence::sequencer::{Outcome, Sequencer},
};
use serde_json::json;
use service::poll::{BasicSum, OneVoteSum, ValidChoiceSum};
use std::collections::{BTreeMap, HashMap};
use support::{Aws, delivery};

/// The tables, as a metered client sees them.
struct Metered {
    aws: Aws,
    meter: Meter,
    events: EventStore,
    data: DataStore,
}

impl Metered {
    async fn start() -> Self {
        let aws = Aws::start().await;
        let meter = Meter::around(Builder::new().build_http());
        let client = meter.clone();
        let clients = aws.clients.clone();
        let clients =
            clients.map_config(|config| config.into_builder().http_client(client).build());
        let events = clients.event_store(aws.system.table("EventsTable").unwrap());
        let data = clients.data_store(aws.system.table("DataTable").unwrap());
        Self {
            aws,
            meter,
            events,
            data,
        }
    }

    fn projector(&self, service: Service) -> Projector {
        Projector::new(service, self.events.clone(), self.data.clone())
    }

    /// Records votes, each in its own commit.
    async fn votes(&self, stream: &str, count: u64) {
        let mut head = Head::default();
        let commits: Vec<_> = (1..=count)
            .map(|nth| {
                let commit = commit::plan(head.clone(), &[&vote(stream, nth)], 1_000).remove(0);
                head = commit.head();
                commit
            })
            .collect();
        let inserted = self
            .events
            .append(&commits.iter().collect::<Vec<_>>())
            .await;
        assert_eq!(inserted, vec![Inserted::New; count as usize]);
    }

    /// Records the reversal of a version.
    async fn reverse(&self, stream: &str, version: u64) -> RecordedEvent {
        let name = StreamName::new(stream).unwrap();
        let event = self.events.event(&name, version).await.unwrap().unwrap();
        let known = resolve::reversals(&self.events, &name, 0, u64::MAX).await;
        let reversal = Reversal {
            version,
            source: event.event.source.clone(),
            id: event.event.id.clone(),
            reason: "a test".into(),
            by: "a test".into(),
        };
        let nth = known.unwrap().times(version);
        let reversal = reversal.event(&event, nth, "2026-01-01T00:00:00Z".into());
        let sequencer = Sequencer::new(self.events.clone());
        let outcomes = sequencer.record(&[reversal]).await;
        match &outcomes[0] {
            Outcome::Recorded { recorded, .. } => (**recorded).clone(),
            other => panic!("{other:?}"),
        }
    }

    async fn last(&self, stream: &str) -> RecordedEvent {
        let name = StreamName::new(stream).unwrap();
        let head = self.events.head(&name).await.unwrap();
        self.events
            .event(&name, head.version)
            .await
            .unwrap()
            .unwrap()
    }

    async fn row(&self, projection: &str, key: &str) -> Row {
        let row = self.data.get(&row_key(projection, key)).await.unwrap();
        row.unwrap_or_default()
    }
}

fn target(projection: &str) -> Target {
    Target {
        projection: projection.into(),
        generation: 1,
    }
}

fn row_key(projection: &str, key: &str) -> Key {
    Key::row(&target(projection), key)
}

/// A vote of a user of its own.
fn vote(stream: &str, nth: u64) -> CloudEvent {
    CloudEvent {
        id: format!("{stream}/{nth}"),
        source: "/test".into(),
        event_type: "vote-cast".into(),
        stream: StreamName::new(stream).unwrap(),
        time: "2023-04-19T09:00:00Z".into(),
        extensions: BTreeMap::new(),
        data: raw(&json!({"user": format!("user-{nth}"), "choice": "chips"})),
    }
}

#[tokio::test]
async fn a_reversal_reads_the_same_whatever_the_length_of_its_stream() {
    let metered = Metered::start().await;
    let service = || Service::new().single_stream::<BasicSum>();
    let mut all: Vec<(u64, u64)> = Vec::new();
    // The first batch ever makes the record of the generations.
    metered.votes("poll-0", 1).await;
    let first = [delivery(&[metered.last("poll-0").await])];
    let projected = metered.projector(service()).project(&first).await;
    assert_eq!(projected.unwrap().applied, 1);
    for count in [10, 1_000, 20_000] {
        let (id, stream) = (count.to_string(), format!("poll-{count}"));
        metered.votes(&stream, count).await;
        let row = Row {
            state: Some(json!({"votes": {"chips": count}, "total": count, "finished": false})),
            watermark: count,
            ..Row::default()
        };
        let key = row_key("basic-sum", &id);
        metered.data.put(&key, &row, 0).await.unwrap();
        let incoming = metered.aws.stream("IncomingStream");
        let (events, data) = (metered.events.clone(), metered.data.clone());
        let reverser = Reverser::new(service(), events, data, incoming);
        let named = Named {
            stream: StreamName::new(stream.as_str()).unwrap(),
            version: count / 2,
        };
        metered.meter.take();
        let mut sum = (0, 0);
        let mut note = |what: &str, reading: Reading| {
            let (requests, items) = (reading.reads(), reading.items);
            println!("{count} events: {what} reads {requests} requests, {items} items");
            sum = (sum.0 + requests, sum.1 + items);
        };
        reverser.reverse(&named, "a test", "a test").await.unwrap();
        note("asking for the reversal", metered.meter.take());
        let event = metered.events.event(&named.stream, named.version).await;
        let event = event.unwrap().unwrap();
        let reversal = Reversal {
            version: named.version,
            source: event.event.source.clone(),
            id: event.event.id.clone(),
            reason: "a test".into(),
            by: "a test".into(),
        };
        let reversal = reversal.event(&event, 0, "2026-01-01T00:00:00Z".into());
        metered.meter.take();
        let sequencer = Sequencer::new(metered.events.clone());
        let outcomes = sequencer.record(&[reversal]).await;
        note("recording it", metered.meter.take());
        let Outcome::Recorded { recorded, .. } = &outcomes[0] else {
            panic!("{outcomes:?}");
        };
        let batch = [delivery(&[(**recorded).clone()])];
        let projected = metered.projector(service()).project(&batch).await.unwrap();
        note("folding it", metered.meter.take());
        assert_eq!((projected.applied, projected.stalled), (1, 0));
        let row = metered.row("basic-sum", &id).await;
        assert_eq!(row.watermark, count + 1);
        assert_eq!(row.state.unwrap()["total"], json!(count - 1));
        println!("{count} events: {} requests, {} items in all", sum.0, sum.1);
        all.push(sum);
    }
    assert_eq!(all[0], all[1], "the reads grow with the stream");
    assert_eq!(all[0], all[2], "the reads grow with the stream");
    assert!(all[0].0 <= 10 && all[0].1 <= 10, "{all:?}");
    metered.aws.system.stop().await;
}

#[tokio::test]
async fn a_reversal_reads_once_for_each_reversal_of_its_stream() {
    let metered = Metered::start().await;
    metered.votes("poll-1", 500).await;
    for version in [10, 20, 30, 40] {
        metered.reverse("poll-1", version).await;
    }
    let stream = StreamName::new("poll-1").unwrap();
    metered.meter.take();
    let known = resolve::reversals(&metered.events, &stream, 0, u64::MAX).await;
    assert_eq!(known.unwrap().versions().count(), 4);
    let reading = metered.meter.take();
    assert_eq!(
        (reading.reads(), reading.pages.len()),
        (4, 0),
        "{reading:?}"
    );
    metered.aws.system.stop().await;
}

#[tokio::test]
async fn projections_share_the_reads_of_a_stream() {
    let metered = Metered::start().await;
    metered.votes("poll-1", 1_000).await;
    metered.votes("poll-2", 1_000).await;
    let one = Service::new().single_stream::<BasicSum>();
    let three = Service::new()
        .single_stream::<BasicSum>()
        .single_stream::<OneVoteSum>()
        .single_stream::<ValidChoiceSum>();
    let mut pages = Vec::new();
    for (stream, service) in [("poll-1", one), ("poll-2", three)] {
        let last = metered.last(stream).await;
        let projections = service.projections().to_vec();
        metered.meter.take();
        let projected = metered
            .projector(service)
            .project(&[delivery(&[last])])
            .await;
        assert!(projected.unwrap().failed.is_empty());
        let reading = metered.meter.take();
        println!(
            "{} projections, a gap of 1,000: {reading:?}",
            projections.len()
        );
        for projection in projections {
            let row = metered.row(projection.name, &stream[5..]).await;
            assert_eq!(row.watermark, 1_000);
            assert_eq!(row.state.unwrap()["total"], json!(1_000));
        }
        pages.push(reading.pages);
    }
    assert_eq!(pages[0].len(), 20, "pages of 50 commits");
    assert_eq!(
        pages[0], pages[1],
        "the stream is read once, for one or for three"
    );
    metered.aws.system.stop().await;
}

struct Names(Vec<String>);
impl Watch for Names {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(format!("{violation:?}"));
    }

    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

fn one_vote() -> Service {
    Service::new().single_stream::<OneVoteSum>()
}

/// The watermarks of the folds that are kept.
async fn kept(metered: &Metered) -> Vec<String> {
    let partition = "rewind#folds/one-vote-sum@1";
    let (items, _) = metered.data.list(partition, "", None, 10).await.unwrap();
    let watermarks = items.iter().map(|item| item["watermark"].as_n().unwrap());
    watermarks.cloned().collect()
}

/// A stream of 1,000 votes, folded, and one of them taken back.
async fn taken_back(metered: &Metered, version: u64) -> RecordedEvent {
    metered.votes("poll-1", 1_000).await;
    let claims = (1..=1_000).map(|nth| {
        let event = vote("poll-1", nth);
        Claim {
            identity: event.identity(),
            fingerprint: event.fingerprint(),
            stream: event.stream,
            from: nth,
        }
    });
    metered.events.claim(&claims.collect::<Vec<_>>()).await;
    let batch = [delivery(&[metered.last("poll-1").await])];
    let projector = metered.projector(one_vote());
    assert_eq!(projector.project(&batch).await.unwrap().applied, 1_000);
    metered.reverse("poll-1", version).await
}

#[tokio::test]
async fn a_long_fold_goes_on_where_its_invocation_ended() {
    let metered = Metered::start().await;
    let reversal = taken_back(&metered, 3).await;
    let batch = [delivery(&[reversal])];
    let projector = metered.projector(one_vote()).with_pages_a_write(1);
    metered.meter.take();
    let mut lives = 1;
    while metered
        .meter
        .within(6, projector.project(&batch))
        .await
        .is_none()
    {
        lives += 1;
        assert!(lives < 10, "it does not go on");
        // A fold under way is nobody's violation.
        assert_eq!(kept(&metered).await.len(), 1);
        let mut names = Names(Vec::new());
        let audit = Audit::new(one_vote(), metered.aws.events(), metered.aws.data());
        let counts = audit.run(&mut names).await.unwrap();
        // Beside the record of the generations.
        assert_eq!((names.0, counts.other_items), (Vec::new(), 2));
        assert_eq!(metered.row("one-vote-sum", "1").await.watermark, 1_000);
    }
    let reading = metered.meter.take();
    println!("1,000 events folded again in {lives} lives: {reading:?}");
    assert_eq!(lives, 4, "21 pages, 6 of them in each life");
    let pages: Vec<String> = (0..=20).map(|page| (page * 50).to_string()).collect();
    assert_eq!(reading.pages, pages, "each page is read once");
    let row = metered.row("one-vote-sum", "1").await;
    assert_eq!(row.watermark, 1_001);
    let state = row.state.unwrap();
    assert_eq!(state["total"], json!(999));
    assert!(
        !state["voters"]
            .as_array()
            .unwrap()
            .contains(&json!("user-3"))
    );
    assert_eq!(
        kept(&metered).await.len(),
        0,
        "it goes with the row's write"
    );
    metered.aws.system.stop().await;
}

#[tokio::test]
async fn a_newer_reversal_begins_a_fold_again_only_where_it_changes_what_is_kept() {
    let metered = Metered::start().await;
    let reversal = taken_back(&metered, 3).await;
    let projector = metered.projector(one_vote()).with_pages_a_write(1);
    let first = [delivery(&[reversal])];
    let died = metered.meter.within(6, projector.project(&first)).await;
    assert!(died.is_none());
    assert_eq!(kept(&metered).await, ["300"]);
    // It takes back what the kept fold does not hold yet: the fold goes on.
    let second = [delivery(&[metered.reverse("poll-1", 700).await])];
    metered.meter.take();
    let died = metered.meter.within(3, projector.project(&second)).await;
    assert!(died.is_none());
    // The gap in front of the delivery comes first.
    assert_eq!(metered.meter.take().pages, ["1000", "300", "350"]);
    // It takes back what the kept fold holds: the fold begins again.
    let third = [delivery(&[metered.reverse("poll-1", 100).await])];
    metered.meter.take();
    let projected = projector.project(&third).await.unwrap();
    assert!(projected.failed.is_empty(), "{projected:?}");
    assert_eq!(metered.meter.take().pages[..2], ["1000", "0"]);
    let row = metered.row("one-vote-sum", "1").await;
    assert_eq!(row.watermark, 1_003);
    assert_eq!(row.state.unwrap()["total"], json!(997));
    assert_eq!(kept(&metered).await.len(), 0);
    metered.aws.system.stop().await;
}

#[tokio::test]
async fn a_kept_fold_goes_with_its_generation() {
    let metered = Metered::start().await;
    let reversal = taken_back(&metered, 3).await;
    let batch = [delivery(&[reversal])];
    let projector = metered.projector(one_vote()).with_pages_a_write(1);
    let died = metered.meter.within(6, projector.project(&batch)).await;
    assert!(died.is_none());
    assert_eq!(kept(&metered).await.len(), 1);
    let mut dropped = lifecycle::of(&metered.data, "one-vote-sum").await.unwrap();
    dropped
        .dropped
        .insert(1, "2026-01-01T00:00:00Z".parse().unwrap());
    let known = HashMap::from([("one-vote-sum".to_string(), dropped)]);
    sweep::sweep(&metered.data, &known, || true).await.unwrap();
    assert_eq!(kept(&metered).await.len(), 0);
    metered.aws.system.stop().await;
}
