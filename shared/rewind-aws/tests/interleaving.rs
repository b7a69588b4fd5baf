//! Races that a dice would take long to throw: a rival acts at one exact
//! moment between two requests.

mod support;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use futures::future::BoxFuture;
use rewind::{Envelope, NewEvent, Rejection, Rule, Service, Target};
use rewind_aws::{
    command::commands::Commands,
    data_table::{
        key::Key,
        row::{Row, Written},
        transaction::Write,
    },
    react::reactor::Reactor,
    sequence::sequencer::{Outcome, Sequencer},
    wiring::Clients,
};
use serde_json::json;
use std::sync::{Arc, Mutex};
use support::{Aws, CountEvent, delivery, event, recorded};

/// What a rival does, once.
type Act = Arc<Mutex<Option<BoxFuture<'static, ()>>>>;

/// An HTTP client that lets a rival act between the first answer to an
/// operation and whoever asked.
#[derive(Clone)]
struct Interleaved {
    inner: SharedHttpClient,
    connector: Option<SharedHttpConnector>,
    operation: &'static str,
    act: Act,
}

impl std::fmt::Debug for Interleaved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interleaved")
    }
}

impl HttpClient for Interleaved {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Self {
            connector: Some(connector),
            ..self.clone()
        })
    }
}

impl HttpConnector for Interleaved {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let is_moment = target.ends_with(self.operation);
        let act = self.act.lock().unwrap().take_if(|_| is_moment);
        let connector = self.connector.clone().unwrap();
        HttpConnectorFuture::new(async move {
            let answer = connector.call(request).await;
            if let Some(act) = act {
                act.await;
            }
            answer
        })
    }
}

/// Clients between whose requests a rival acts.
async fn interleaved(
    aws: &Aws,
    operation: &'static str,
    act: BoxFuture<'static, ()>,
) -> (Clients, Act) {
    let act: Act = Arc::new(Mutex::new(Some(act)));
    let client = Interleaved {
        inner: Builder::new().build_http(),
        connector: None,
        operation,
        act: act.clone(),
    };
    let config = aws_config::defaults(BehaviorVersion::latest())
        .http_client(client)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("operator", "local", None, None, "local"))
        .endpoint_url(aws.system.dynamodb_endpoint())
        .load();
    (Clients::new(config.await), act)
}

/// Runs a rival's work on a thread of its own, as another Lambda would be.
async fn elsewhere<F: Future>(work: impl FnOnce() -> F + Send + 'static) -> F::Output
where
    F::Output: Send + 'static,
{
    let acting = tokio::task::spawn_blocking(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(work())
    });
    acting.await.unwrap()
}

#[tokio::test]
async fn a_rival_that_records_between_claim_and_commit_is_seen() {
    let aws = Aws::start().await;
    // With a history, so that heads matter.
    Sequencer::new(aws.events())
        .record(&[event("count-1", "old", 1)])
        .await;
    let rival = Sequencer::new(aws.events());
    let shared = event("count-1", "shared", 2);
    let events = [shared.clone(), event("count-1", "rival", 3)];
    let act = async move {
        let outcomes = elsewhere(move || async move { rival.record(&events).await }).await;
        let is_recorded = |outcome: &Outcome| matches!(outcome, Outcome::Recorded { .. });
        assert!(outcomes.iter().all(is_recorded), "{outcomes:?}");
    };
    // Our claim stands; before we know of it, the rival takes it over.
    let (clients, act) = interleaved(&aws, "BatchExecuteStatement", Box::pin(act)).await;
    let store = clients.event_store(aws.system.table("EventsTable").unwrap());
    let outcomes = Sequencer::new(store).record(&[shared]).await;
    assert!(act.lock().unwrap().is_none(), "the rival has acted");
    let Outcome::Recorded {
        recorded: found,
        is_new: false,
    } = &outcomes[0]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!(found.version, 2);
    let ids = recorded(&aws.events(), "count-1").await;
    let ids: Vec<String> = ids.into_iter().map(|event| event.event.id).collect();
    assert_eq!(ids, ["old", "shared", "rival"]);
    aws.system.stop().await;
}

/// A rule that refuses every number from 2 on.
struct Ones;
impl Rule for Ones {
    type Event = CountEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "ones";
    fn react(event: &Envelope<CountEvent>) -> Result<Vec<NewEvent>, Rejection> {
        match event.data.number().n {
            1 => Ok(Vec::new()),
            _ => Err(Rejection::new("too much")),
        }
    }
}

#[tokio::test]
async fn a_stall_that_a_late_write_overtakes_is_not_forgotten() {
    let aws = Aws::start().await;
    let ones = || Service::new().rule::<Ones>();
    let sequencer = Sequencer::new(aws.events());
    let events = [event("count-1", "a", 1), event("count-1", "b", 2)];
    sequencer.record(&events).await;
    let events = recorded(&aws.events(), "count-1").await;
    let incoming = aws.stream("IncomingStream");
    let rival = Reactor::new(Arc::new(aws.commands(ones())), incoming);
    let first = delivery(&events[..1]);
    // The checkpoint that a dead process wrote comes to where our turn stalls,
    // after we have read what was before.
    let act = async move {
        let reacted = elsewhere(move || async move { rival.react(&[first]).await }).await;
        assert!(reacted.unwrap().failed.is_empty());
    };
    let (clients, act) = interleaved(&aws, "BatchGetItem", Box::pin(act)).await;
    let store = clients.data_store(aws.system.table("DataTable").unwrap());
    let incoming = aws.stream("IncomingStream");
    let published = aws.stream("EventsStream");
    let commands = Commands::new(ones(), aws.events(), store, published);
    let reactor = Reactor::new(Arc::new(commands), incoming);
    let reacted = reactor.react(&[delivery(&events)]).await.unwrap();
    assert!(act.lock().unwrap().is_none(), "the rival has acted");
    assert!(reacted.failed.contains_key(&0), "it comes again");
    let reacted = reactor.react(&[delivery(&events)]).await.unwrap();
    assert!(reacted.failed.is_empty());
    let checkpoint = Key::checkpoint("rule/ones", "count-1");
    let checkpoint = aws.data().get(&checkpoint).await.unwrap().unwrap();
    let reason = checkpoint.stalled.as_deref().unwrap_or_default();
    assert_eq!((checkpoint.watermark, reason), (1, "too much"));
    aws.system.stop().await;
}

#[tokio::test]
async fn a_writer_that_has_not_seen_the_last_write_is_refused() {
    let aws = Aws::start().await;
    let store = aws.data();
    let target = Target {
        projection: "sums".into(),
        generation: 1,
    };
    let key = Key::row(&target, "1");
    let row = |watermark: u64| Row {
        state: Some(json!({ "sum": watermark })),
        watermark,
        ..Row::default()
    };
    assert_eq!(store.put(&key, &row(1), 0).await.unwrap(), Written::Done);
    assert_eq!(store.put(&key, &row(5), 1).await.unwrap(), Written::Done);
    // Who read the row at version 1 must not take it back there.
    for seen in [0, 1] {
        assert_eq!(
            store.put(&key, &row(2), seen).await.unwrap(),
            Written::Stale
        );
        let was = Row {
            revision: seen,
            ..Row::default()
        };
        assert_eq!(
            store.put_over(&key, &row(2), &was).await.unwrap(),
            Written::Stale
        );
        let (key, row) = (key.clone(), row(2));
        let together = [Write::Put { key, row, seen }];
        assert_eq!(
            store.write_together(&together).await.unwrap(),
            Written::Stale
        );
    }
    assert_eq!(store.get(&key).await.unwrap().unwrap().watermark, 5);
    aws.system.stop().await;
}
