//! A write that comes late: its answer is lost, and it arrives at any moment of
//! the next attempt.

use crate::{
    bank::{Bank, applied, keyed, unkeyed},
    domain::AccountCommand::{self, Give, Open, Transfer, Withdraw},
};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
        SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use rewind::StreamName;
use rewind_aws::command::commands::Commands;
use std::sync::{Arc, Mutex};

/// An HTTP client that holds the first write to the events table back until so
/// many requests have followed it.
#[derive(Debug, Clone)]
struct Late {
    inner: SharedHttpClient,
    connector: Option<SharedHttpConnector>,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug)]
enum Held {
    /// It has not come yet.
    Not { requests: usize },
    /// It waits until so many requests have followed.
    Waits(Box<HttpRequest>, usize),
    /// It arrives, its answer is lost, and the SDK sends it again.
    Twice,
    /// It has arrived.
    Arrived,
}

impl HttpClient for Late {
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

impl HttpConnector for Late {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let is_write =
            target.ends_with("ExecuteTransaction") || target.ends_with("ExecuteStatement");
        let connector = self.connector.clone().unwrap();
        let mut held = self.held.lock().unwrap();
        let before = match std::mem::replace(&mut *held, Held::Arrived) {
            Held::Not { requests } if is_write => {
                *held = Held::Waits(Box::new(request), requests);
                let lost = ConnectorError::timeout("the answer is lost".into());
                return HttpConnectorFuture::ready(Err(lost));
            }
            Held::Twice if is_write => Some(Box::new(request.try_clone().unwrap())),
            twice @ Held::Twice => {
                *held = twice;
                None
            }
            Held::Waits(write, 0) => Some(write),
            Held::Waits(write, left) => {
                *held = Held::Waits(write, left - 1);
                None
            }
            not @ Held::Not { .. } => {
                *held = not;
                None
            }
            Held::Arrived => None,
        };
        drop(held);
        HttpConnectorFuture::new(async move {
            if let Some(write) = before {
                connector.call(*write).await?;
            }
            connector.call(request).await
        })
    }
}

/// Commands whose first write does not go well.
fn over(bank: &Bank, held: Held) -> (Commands, Arc<Mutex<Held>>) {
    let held = Arc::new(Mutex::new(held));
    let clients = bank.aws.clients.clone();
    let clients = clients.map_config(|config| {
        let late = Late {
            inner: Builder::new().build_http(),
            connector: None,
            held: held.clone(),
        };
        let config = config.into_builder().http_client(late);
        config.retry_config(RetryConfig::disabled()).build()
    });
    (bank.commands_over(&clients), held)
}

/// Asks for a command whose first write comes late, before each of the requests
/// that follow it in turn.
async fn asked_late(command: &AccountCommand, is_keyed: bool) {
    for requests in 0.. {
        let bank = Bank::start().await;
        let well = bank.commands();
        for (id, email) in [("1", "a@b"), ("2", "c@d")] {
            let email = email.into();
            applied(&well, &unkeyed(id, &Open { email })).await;
        }
        let give = Give {
            to: "1".into(),
            cents: 10,
        };
        applied(&well, &unkeyed("2", &give)).await;
        let (commands, held) = over(&bank, Held::Not { requests });
        let command = match is_keyed {
            true => keyed("k", "1", command),
            false => unkeyed("1", command),
        };
        let told = applied(&commands, &command).await;
        let streams = ["account-1".into(), "account-2".into()];
        let own = command.own_stream().unwrap().to_string();
        let mut recorded = Vec::new();
        for stream in streams.iter().chain([&own]) {
            let events = bank.recorded(stream).await.into_iter();
            recorded.extend(events.filter(|event| command.is_of(&event.event)));
        }
        recorded.retain(|event| event.event_type() != "command-accepted");
        assert_eq!(recorded, told, "late by {requests} requests");
        bank.aws.system.stop().await;
        if !matches!(*held.lock().unwrap(), Held::Arrived) {
            // It comes later than the last request.
            return assert!(requests > 3, "only {requests} requests");
        }
    }
}

fn transfer(cents: u64) -> AccountCommand {
    Transfer {
        to: "2".into(),
        cents,
        at: None,
    }
}

#[tokio::test]
async fn what_one_stream_takes_is_recorded_once() {
    // The second decision would be another one: nothing is left.
    asked_late(&Withdraw { cents: 10 }, false).await;
    asked_late(&Withdraw { cents: 10 }, true).await;
}

#[tokio::test]
async fn what_several_streams_take_is_recorded_once() {
    asked_late(&transfer(4), false).await;
    asked_late(&transfer(10), true).await;
}

#[tokio::test]
async fn what_another_stream_takes_is_recorded_once() {
    let give = || Give {
        to: "2".into(),
        cents: 4,
    };
    asked_late(&give(), false).await;
    asked_late(&give(), true).await;
}

#[tokio::test]
async fn what_was_written_twice_is_published_whatever_becomes_of_the_process() {
    let bank = Bank::start().await;
    let email = "a@b".into();
    applied(&bank.commands(), &unkeyed("1", &Open { email })).await;
    let (commands, _) = over(&bank, Held::Twice);
    for _ in 0..2 {
        applied(&commands, &unkeyed("1", &Withdraw { cents: 0 })).await;
    }
    // Nobody has published the first: who goes on does so under another intent,
    // and the first one runs out.
    let stream = StreamName::new("account-1").unwrap();
    let page = bank.aws.events().read(&stream, 0).await.unwrap();
    let ids: Vec<_> = page.commits[1..].iter().map(|c| &c.appender).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    bank.aws.system.stop().await;
}
