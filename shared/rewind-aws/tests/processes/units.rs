//! What a step of a process takes: the numbers of ARCHITECTURE.md.

#[path = "../capacity/meter.rs"]
#[allow(dead_code, reason = "each test file uses its own part")]
mod meter;

use crate::{
    domain::{ParcelEvent::Sent, service},
    post::{parcel, start},
    support::delivery,
};
use aws_smithy_http_client::Builder;
use meter::{Meter, Reading};
use rewind::Delivery;
use rewind_aws::{append::recorder::Recorder, process::timer::Timer, react::reactor::Reactor};
use std::sync::Arc;

const STEPS: usize = 10;

/// The read and write units of each step, without the first: it also says that the function
/// appends.
fn each(readings: &[Reading]) -> (f64, f64) {
    let steps = (readings.len() - 1) as f64;
    let of = |units: fn(&Reading) -> f64| readings[1..].iter().map(units).sum::<f64>() / steps;
    (
        of(|reading| reading.read_units),
        of(|reading| reading.write_units),
    )
}

#[tokio::test]
async fn a_step_of_a_process_takes_so_many_units() {
    let mut post = start().await;
    let meter = Meter::around(Builder::new().build_http());
    let clients = post.aws.clients.clone();
    let clients = clients.map_config(|config| {
        let metered = meter.clone();
        config.into_builder().http_client(metered).build()
    });
    let system = &post.aws.system;
    let table = |name: &str| system.table(name).unwrap();
    let stream = |name: &str| clients.stream_named(system.stream(name).unwrap());
    let (events, data) = (
        clients.event_store(table("EventsTable")),
        clients.data_store(table("DataTable")),
    );
    let commands = rewind_aws::command::commands::Commands::new(
        service(),
        events.clone(),
        data.clone(),
        stream("EventsStream"),
    );
    let reactor = Reactor::new(Arc::new(commands), stream("IncomingStream"));
    let recorder = Recorder::new(events, data, stream("EventsStream"));
    let timer = Timer::new(service(), recorder);
    let (mut taken, mut listed, mut fired) = (Vec::new(), Vec::new(), Vec::new());
    for nth in 0..STEPS {
        let id = nth.to_string();
        let monday = "2026-01-05T09:00:00Z";
        post.pump(&[parcel(&id, 1, monday, &Sent { hours: 1 })])
            .await;
        post.records("EventsStream").await;
        let sent = post.recorded(&format!("parcel-{id}")).await;
        meter.take();
        reactor.react(&[delivery(&sent)]).await.unwrap();
        taken.push(meter.take());
        for data in post.records("EventsStream").await {
            let delivery = Delivery::decode(&data).unwrap();
            reactor.react(&[(0, delivery)]).await.unwrap();
        }
        listed.push(meter.take());
        let tuesday = "2026-01-06T09:00:00Z".parse().unwrap();
        assert_eq!(timer.fire(tuesday, || true).await.unwrap().fired, 1);
        fired.push(meter.take());
        for data in post.records("EventsStream").await {
            let delivery = Delivery::decode(&data).unwrap();
            reactor.react(&[(0, delivery)]).await.unwrap();
        }
        meter.take();
    }
    // An event is taken, which sets a deadline: a transaction of a claim and a
    // commit with its entry in the index, and a checkpoint. The journal is new, and
    // is listed among the streams.
    assert_eq!(each(&taken), (2.0, 7.0));
    // The deadline is listed, in a transaction with a checkpoint.
    assert_eq!(each(&listed), (2.0, 4.0));
    // It fires: as much as is taken, and it leaves the list.
    assert_eq!(each(&fired), (10.0, 7.0));
    post.aws.system.stop().await;
}
