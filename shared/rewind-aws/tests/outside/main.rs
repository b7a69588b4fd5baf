//! Transports of gateways, against real servers: what reaches them, and what
//! becomes of each way to fail.

mod api;
mod breaks;
mod circuit;
mod http;
mod post_office;
mod secrets;
mod smtp;
mod trust;

use rewind::{HttpRequest, Method, Request};
use rewind_aws::outside::{Config, Credentials, Outside, Sending, Sent};
use serde_json::{Value, json};
use std::time::Duration;

const KEY: &str = "charge-1/payments";

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The transports of these gateways, to hosts of this machine.
fn outside_of(gateways: &Value, credentials: Credentials) -> Outside {
    let config = Config::read(&gateways.to_string(), "127.0.0.1,localhost").unwrap();
    Outside::new(&config, credentials).unwrap()
}

/// The transports of one gateway `pay` to an HTTP API, with more members.
fn pay(url: &str, more: Value) -> Outside {
    pay_with(url, more, Credentials::none())
}

fn pay_with(url: &str, more: Value, credentials: Credentials) -> Outside {
    let mut http = json!({"url": url, "timeout_seconds": 2});
    let members = http.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    outside_of(&json!({"pay": {"http": http}}), credentials)
}

/// Sends a request of the gateway `pay`.
async fn send(outside: &Outside, request: impl Into<Request>) -> Sent {
    send_of("pay", outside, request).await
}

/// Sends a request of a gateway, with the same key each time.
async fn send_of(gateway: &str, outside: &Outside, request: impl Into<Request>) -> Sent {
    let request = request.into();
    let sending = Sending {
        request: &request,
        key: KEY,
        traceparent: TRACE,
    };
    outside.send(gateway, &sending).await
}

async fn get(outside: &Outside) -> Sent {
    send(outside, HttpRequest::new(Method::Get, "/charges")).await
}

/// That it can be tried again: the reason.
#[track_caller]
fn later(sent: Sent, may_act: bool) -> (String, Option<Duration>) {
    match sent {
        Sent::Later {
            reason,
            after,
            may_have_acted,
        } => {
            assert_eq!(may_have_acted, may_act, "{reason}");
            (reason, after)
        }
        other => panic!("{other:?}"),
    }
}

/// That it has certainly not reached the outside: the reason.
#[track_caller]
fn unsent(sent: Sent) -> String {
    later(sent, false).0
}

/// That it may have reached the outside: the reason.
#[track_caller]
fn unclear(sent: Sent) -> String {
    later(sent, true).0
}

#[track_caller]
fn answered(sent: Sent) -> (u16, Value) {
    match sent {
        Sent::Answered(answer) => (answer.status, answer.body),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn never(sent: Sent) -> String {
    match sent {
        Sent::Never { reason } => reason,
        other => panic!("{other:?}"),
    }
}
