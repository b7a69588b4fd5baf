//! A deployment with a history, and somebody who may do anything to it.

use crate::support::{Aws, CountEvent, delivery, event, open, service};
use aws_sdk_dynamodb::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region},
    types::AttributeValue,
};
use rewind::{CloudEvent, Envelope, NewEvent, RecordedEvent, Rejection, Rule, Service, Target};
use rewind_aws::{
    audit::{
        report::{Counts, Kind, Violation, Watch},
        run::Audit,
    },
    data_table::{key::Key, row::Row},
    event_table::event_store::{Claim, Inserted},
    project::projector::Projector,
    react::reactor::Reactor,
    sequence::sequencer::{Outcome, Sequencer},
};
use serde_json::json;
use std::sync::Arc;

/// A rule that keeps checkpoints and emits nothing.
pub struct Quiet;
impl Rule for Quiet {
    type Event = CountEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "quiet";
    fn react(_: &Envelope<CountEvent>) -> Result<Vec<NewEvent>, Rejection> {
        Ok(Vec::new())
    }
}

/// A deployment, and a client that nothing stops.
pub struct Scene {
    pub aws: Aws,
    pub raw: Client,
}

#[derive(Default)]
pub struct Seen(pub Vec<Violation>);

impl Watch for Seen {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(violation.clone());
    }
    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

pub fn domain() -> Service {
    service().rule::<Quiet>()
}

impl Scene {
    pub async fn start() -> Self {
        let aws = Aws::start().await;
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("vandal", "local", None, None, "local"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(aws.system.dynamodb_endpoint())
            .build();
        let raw = Client::from_conf(config);
        Self { aws, raw }
    }

    /// Three streams of history, projected and reacted to.
    pub async fn with_history() -> Self {
        let scene = Self::start().await;
        for stream in ["count-1", "count-2", "count-3"] {
            for run in 0..3 {
                let events = (0..4).map(|n| event(stream, &format!("{stream}/{run}/{n}"), n + run));
                scene.happen(&events.collect::<Vec<_>>()).await;
            }
        }
        scene
    }

    /// Records events and lets everybody read them.
    pub async fn happen(&self, events: &[CloudEvent]) -> Vec<RecordedEvent> {
        let aws = &self.aws;
        let outcomes = Sequencer::new(aws.events()).record(events).await;
        let recorded = outcomes.into_iter().map(|outcome| match outcome {
            Outcome::Recorded { recorded, .. } => *recorded,
            other => panic!("{other:?}"),
        });
        let recorded: Vec<RecordedEvent> = recorded.collect();
        let batch: Vec<_> = recorded
            .chunk_by(|a, b| a.stream() == b.stream())
            .map(delivery)
            .collect();
        let projector = Projector::new(domain(), aws.events(), aws.data());
        let projected = projector.project(&batch).await.unwrap();
        assert!(projected.failed.is_empty());
        let incoming = aws.stream("IncomingStream");
        let reactor = Reactor::new(Arc::new(aws.commands(domain())), incoming);
        assert!(reactor.react(&batch).await.unwrap().failed.is_empty());
        recorded
    }

    pub async fn audit(&self) -> (Counts, Vec<Violation>) {
        self.audit_holding(20_000).await
    }

    /// Audits with so many shared rows in memory at once.
    pub async fn audit_holding(&self, rows: u64) -> (Counts, Vec<Violation>) {
        let audit = Audit::new(domain(), self.aws.events(), self.aws.data()).holding(rows);
        let mut seen = Seen::default();
        let counts = audit.run(&mut seen).await.unwrap();
        let counted: u64 = counts.violations.values().sum();
        assert_eq!(counted, seen.0.len() as u64);
        (counts, seen.0)
    }

    /// Audits, and expects exactly violations of these kinds at these places.
    pub async fn expect(&self, expected: &[(Kind, &str)]) -> Vec<Violation> {
        let (_, violations) = self.audit().await;
        let mut found: Vec<(Kind, &str)> = violations
            .iter()
            .map(|violation| (violation.kind, violation.place.as_str()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{violations:#?}");
        violations
    }

    pub async fn claim(&self, event: &CloudEvent, change: impl FnOnce(&mut Claim)) {
        let mut claim = Claim {
            identity: event.identity(),
            fingerprint: event.fingerprint(),
            stream: event.stream.clone(),
            from: 1,
        };
        change(&mut claim);
        let inserted = self.aws.events().claim(&[claim]).await;
        assert_eq!(inserted, [Inserted::New]);
    }

    /// Plants a commit, whatever it does to the stream.
    pub async fn commit(
        &self,
        version: u64,
        events: &[CloudEvent],
        change: impl FnOnce(&mut Planted),
    ) {
        let stream = events[0].stream.clone();
        let texts = events.iter().map(|event| {
            let mut value = serde_json::to_value(event).unwrap();
            value.as_object_mut().unwrap().remove("subject");
            value.as_object_mut().unwrap().remove("specversion");
            value
        });
        let mut planted = Planted {
            version,
            length: events.len() as u64,
            slice: Some(stream.partition()),
            // Behind all that is recorded.
            position: 4_000_000_000_000_000 + version,
            events: json!(texts.collect::<Vec<_>>()).to_string(),
            reversal: Some(0),
        };
        change(&mut planted);
        let number = |number: u64| AttributeValue::N(number.to_string());
        let mut item = vec![
            ("stream", AttributeValue::S(stream.to_string())),
            ("version", number(planted.version)),
            ("length", number(planted.length)),
            ("position", number(planted.position)),
            ("events", AttributeValue::S(planted.events)),
        ];
        item.extend(
            planted
                .slice
                .map(|slice| ("slice", AttributeValue::S(slice))),
        );
        item.extend(planted.reversal.map(|at| ("reversal", number(at))));
        let fields: Vec<String> = item
            .iter()
            .map(|(name, _)| format!("'{name}': ?"))
            .collect();
        let table = self.aws.system.table("EventsTable").unwrap();
        let statement = format!("INSERT INTO \"{table}\" VALUE {{{}}}", fields.join(", "));
        let values = item.into_iter().map(|(_, value)| value).collect();
        let request = self.raw.execute_statement().statement(statement);
        request.set_parameters(Some(values)).send().await.unwrap();
    }

    /// Opens a generation, as a playback does.
    pub async fn rebuild(&self, projection: &str) -> Target {
        let store = self.aws.data();
        let service = service();
        let projection = service.projection(projection).unwrap();
        open(&store, projection, "playback", false).await.unwrap()
    }

    /// Changes a stored row or checkpoint.
    pub async fn tamper(&self, key: &Key, change: impl FnOnce(&mut Row)) {
        let store = self.aws.data();
        let mut row = store.get(key).await.unwrap().unwrap_or_default();
        change(&mut row);
        store.replace(key, &row).await.unwrap();
    }
}

/// A commit as it is to be planted.
pub struct Planted {
    pub version: u64,
    pub length: u64,
    pub slice: Option<String>,
    pub position: u64,
    pub events: String,
    pub reversal: Option<u64>,
}

pub fn row(projection: &str, key: &str) -> Key {
    let target = Target {
        projection: projection.into(),
        generation: 1,
    };
    Key::row(&target, key)
}
