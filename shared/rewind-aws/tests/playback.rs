//! Playback: what was asked for is sent, all of it and nothing else, in order,
//! whatever happens to who plays it.

#[path = "playback/deployed.rs"]
mod deployed;
#[path = "playback/kept.rs"]
mod kept;
#[path = "playback/late.rs"]
mod late;
#[allow(dead_code, reason = "each test file uses its own part")]
#[path = "capacity/meter.rs"]
mod meter;
#[path = "support/subscriber.rs"]
mod subscriber;
mod support;

use fault_layer::{Faults, Kind, Plan};
use futures::future::{join, join_all};
use rewind::{
    CloudEvent, Delivery, RecordedEvent, Selection, StreamName, delivery::Marker, selection::micros,
};
use rewind_aws::{
    audit::{
        report::{Violation, Watch},
        run::Audit,
    },
    aws::{clock::now, producer::Stream},
    data_table::key::Key,
    generation::lifecycle,
    history::partition::PAGE,
    playback::{
        player::{Ended, PlayError, Player},
        record::{Playback, load},
        request::{Activation, Destination, Request, ToMicroservice},
        state::State,
    },
    project::projector::Projector,
    sequence::sequencer::{Outcome, Sequencer},
    wiring::Clients,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    future::Future,
    pin::pin,
    sync::atomic::Ordering,
    task::Poll,
    time::{Duration, Instant},
};
use subscriber::Subscriber;
use support::{Aws, THIRTEEN_IS_FINE, event, impatient, service};

/// So many streams of the category `count`, each of so many events, in commits
/// of one to three. Every third event is of another type.
async fn history(aws: &Aws, streams: u64, events: u64) -> Vec<RecordedEvent> {
    THIRTEEN_IS_FINE.store(true, Ordering::SeqCst);
    let sequencer = Sequencer::new(aws.events());
    let mut recorded = Vec::new();
    let mut next = 0;
    while next < events {
        let some = (next..events.min(next + 1 + next % 3)).collect::<Vec<_>>();
        next += some.len() as u64;
        let batch: Vec<CloudEvent> = (0..streams)
            .flat_map(|nth| some.iter().map(move |n| (nth, *n)))
            .map(|(nth, n)| {
                let mut event = event(&format!("count-{nth}"), &format!("{nth}/{n}"), n);
                if n % 3 == 0 {
                    event.event_type = "tripled".into();
                }
                event
            })
            .collect();
        for outcome in sequencer.record(&batch).await {
            match outcome {
                Outcome::Recorded { recorded: one, .. } => recorded.push(*one),
                other => panic!("{other:?}"),
            }
        }
    }
    recorded.sort_by(|a, b| (a.position, a.stream()).cmp(&(b.position, b.stream())));
    recorded
}

fn player(aws: &Aws) -> Player {
    player_on(aws, aws.stream("ReplayStream"))
}

fn player_on(aws: &Aws, replay: Stream) -> Player {
    // The embedded index does not lag.
    let lag = Duration::from_millis(20);
    Player::new(service(), aws.events(), aws.data(), replay).with_index_lag(lag)
}

async fn subscriber(aws: &Aws) -> Subscriber {
    let stream = aws.system.stream("ReplayStream").unwrap();
    Subscriber::new(aws.system.kinesis_endpoint(), &stream).await
}

fn to_subscriber(what: Value) -> Request {
    Request {
        what: serde_json::from_value(what).unwrap(),
        to: vec![Destination {
            subscriber: Some("test".into()),
            ..Destination::default()
        }],
        ..Request::default()
    }
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(600)
}

async fn play(player: &Player, id: &str, request: &Request) -> Playback {
    player.create(id, request).await.unwrap();
    match player.play(id, far()).await.unwrap() {
        Ended::Over(playback) => *playback,
        Ended::Unfinished(playback) => panic!("{playback:?}"),
    }
}

/// What a playback has sent: its events by stream, and its markers.
fn of(
    id: &str,
    deliveries: &[Delivery],
) -> (BTreeMap<StreamName, Vec<RecordedEvent>>, Vec<Marker>) {
    let mut streams: BTreeMap<StreamName, Vec<RecordedEvent>> = BTreeMap::new();
    let mut markers = Vec::new();
    for delivery in deliveries {
        let replay = delivery.replay.as_ref().unwrap();
        if replay.id != id {
            continue;
        }
        assert!(replay.is_for_subscriber("test"));
        markers.extend(replay.marker.clone());
        for event in &delivery.events {
            let stream = streams.entry(event.stream().clone()).or_default();
            stream.push(event.clone());
        }
    }
    (streams, markers)
}

fn by_stream(events: &[RecordedEvent]) -> BTreeMap<StreamName, Vec<RecordedEvent>> {
    let mut streams: BTreeMap<StreamName, Vec<RecordedEvent>> = BTreeMap::new();
    for event in events {
        let stream = streams.entry(event.stream().clone()).or_default();
        stream.push(event.clone());
    }
    streams
}

#[tokio::test]
async fn of_ten_rebuilds_at_once_one_is_made_and_nine_name_it() {
    let aws = Aws::start().await;
    // Requests take their time, so that all rebuilds meet halfway.
    let faults = Faults::new(Plan {
        seed: 13,
        rate: 0.8,
        kinds: vec![Kind::Latency],
    });
    let system = &aws.system;
    let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
    let clients = clients.map_config(|config| faults.around(config));
    let data = clients.data_store(system.table("DataTable").unwrap());
    let player = || {
        let (events, replay) = (aws.events(), aws.stream("ReplayStream"));
        Player::new(service(), events, data.clone(), replay)
    };
    let players: Vec<Player> = (0..10).map(|_| player()).collect();
    for round in 0..15 {
        let request = Request {
            to: vec![Destination {
                projection: Some("sums".into()),
                ..Destination::default()
            }],
            ..Request::default()
        };
        let made = players.iter().enumerate().map(|(nth, player)| {
            let id = format!("rebuild-{round}.{nth}");
            let request = &request;
            async move { player.create(&id, request).await }
        });
        let (made, refused): (Vec<_>, Vec<_>) =
            join_all(made).await.into_iter().partition(Result::is_ok);
        assert_eq!((made.len(), refused.len()), (1, 9), "round {round}");
        let made = made.into_iter().next().unwrap().unwrap();
        for error in refused {
            let Err(PlayError::Refused(problem)) = error else {
                panic!("{error:?}");
            };
            assert_eq!(
                (problem.status, &*problem.problem_type),
                (409, "urn:rewind:problem:rebuild-running")
            );
            assert!(problem.detail.contains(&made.id), "{problem:?}");
        }
        let known = lifecycle::of(&aws.data(), "sums").await.unwrap();
        let building = known.building.unwrap();
        assert_eq!(known.playback.as_ref(), Some(&made.id));
        assert_eq!(made.to[0].target().unwrap().generation, building);
        players[0].cancel(&made.id).await.unwrap();
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn what_is_asked_for_is_sent_in_order_with_counts_and_a_dry_run_counts_the_same() {
    let aws = Aws::start().await;
    let all = history(&aws, 40, 30).await;
    let middle = all[all.len() / 2].position;
    let time = jiff::Timestamp::from_microsecond(middle as i64).unwrap();
    let player = player(&aws);
    let mut subscriber = subscriber(&aws).await;
    for (nth, (what, expected)) in [
        (json!({}), all.len()),
        (json!({"categories": ["spread"]}), 0),
        (json!({"streams": ["count-3", "count-17"]}), 60),
        (json!({"versions": {"from": 4, "to": 9}}), 240),
        (
            json!({"streams": ["count-3"], "versions": {"from": 4, "to": 9}}),
            6,
        ),
        (json!({"types": ["tripled"]}), 400),
        (
            json!({"recorded": {"from": time}}),
            all.iter().filter(|e| e.position >= middle).count(),
        ),
        (
            json!({"recorded": {"to": time}}),
            all.iter().filter(|e| e.position < middle).count(),
        ),
        (json!({"occurred": {"from": "2023-04-19T09:00:01Z"}}), 0),
        (json!({"correlation": "7/7"}), 1),
        (json!({"count": 100}), 100),
        (json!({"count": 25, "types": ["tripled"]}), 25),
        (json!({"count": 9, "streams": ["count-3"]}), 9),
        (json!({"count": 1_000_000}), all.len()),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = to_subscriber(what.clone());
        let id = format!("p{nth}");
        let played = play(&player, &id, &request).await;
        assert_eq!(played.state, State::Completed, "{what}");
        assert_eq!(played.sent().events as usize, expected, "{what}");
        let (streams, markers) = of(&id, &subscriber.next().await);
        let selection = Selection {
            count: None,
            ..played.request.what.clone()
        };
        let wanted: Vec<RecordedEvent> =
            all.iter().filter(|e| selection.takes(e)).cloned().collect();
        assert_eq!(streams, by_stream(&wanted), "{what}");
        if let Some(count) = request.what.count {
            // The first ones in recorded order, over all streams.
            let of_kind = |event: &&RecordedEvent| {
                let what = Selection {
                    count: None,
                    ..request.what.clone()
                };
                what.takes(event)
            };
            let first: Vec<RecordedEvent> = all
                .iter()
                .filter(of_kind)
                .take(count as usize)
                .cloned()
                .collect();
            assert_eq!(wanted, first, "{what}");
        }
        check_markers(&markers, &played);

        request.dry_run = true;
        let dry = play(&player, &format!("dry-{id}"), &request).await;
        assert_eq!(
            (dry.sent().events, dry.sent().records),
            (played.sent().events, played.sent().records)
        );
        assert!(
            subscriber.next().await.is_empty(),
            "a dry run sends nothing"
        );
    }
    aws.system.stop().await;
}

fn check_markers(markers: &[Marker], played: &Playback) {
    let starts = markers.iter().filter(|marker| **marker == Marker::Start);
    assert_eq!(starts.count(), 1);
    let mut ends = 0;
    let mut sum = 0;
    for marker in markers {
        if let Marker::EndOfPartition { events, .. } = marker {
            sum += events;
            ends += 1;
        }
    }
    assert_eq!((ends, sum), (played.partitions.len(), played.sent().events));
    let end = Marker::End {
        events: played.sent().events,
    };
    assert!(markers.contains(&end));
}

/// Polls a future so many times, then drops it: a process that dies.
async fn dies_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_playback_that_dies_again_and_again_repeats_at_most_a_page_a_lane_each_time() {
    let aws = Aws::start().await;
    let all = history(&aws, 60, 40).await;
    let player = player(&aws);
    let request = to_subscriber(json!({}));
    player.create("p", &request).await.unwrap();
    let mut deaths = 0;
    let mut played = None;
    for polls in (20..).step_by(5) {
        match dies_after(polls, player.play("p", far())).await {
            None => deaths += 1,
            Some(ended) => {
                played = Some(ended.unwrap());
                break;
            }
        }
    }
    let Some(Ended::Over(played)) = played else {
        panic!("{played:?}");
    };
    assert!(deaths >= 5, "{deaths} deaths");
    assert_eq!(
        played.sent().events as usize,
        all.len(),
        "a repeated page counts once"
    );
    let deliveries = subscriber(&aws).await.next().await;
    let (mut streams, _) = of("p", &deliveries);
    let sent: usize = streams.values().map(Vec::len).sum();
    let (page, partitions) = (PAGE as usize * 3, 4);
    assert!(
        sent - all.len() <= deaths * page * partitions,
        "{sent} of {}",
        all.len()
    );
    for events in streams.values_mut() {
        // In order, but for whole pages that come again.
        let backwards = events
            .windows(2)
            .filter(|pair| pair[1].version <= pair[0].version);
        assert!(backwards.count() <= deaths);
        events.sort_by_key(|event| event.version);
        events.dedup_by_key(|event| event.version);
    }
    assert_eq!(streams, by_stream(&all));
    aws.system.stop().await;
}

#[tokio::test]
async fn the_operator_pauses_resumes_and_cancels_within_a_page() {
    let aws = Aws::start().await;
    history(&aws, 30, 30).await;
    let player = player(&aws);
    let mut request = to_subscriber(json!({}));
    request.rate = Some(150);
    player.create("p", &request).await.unwrap();
    let operator = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        player.pause("p").await.unwrap()
    };
    let (ended, _) = join(player.play("p", far()), operator).await;
    let Ended::Over(paused) = ended.unwrap() else {
        panic!("out of time");
    };
    assert_eq!(paused.state, State::Paused);
    assert!(
        (1..900).contains(&paused.sent().events),
        "{:?}",
        paused.sent()
    );
    // Whoever plays it now is told that it waits.
    let Ended::Over(still) = player.play("p", far()).await.unwrap() else {
        panic!("out of time");
    };
    assert_eq!((still.state, still.sent()), (State::Paused, paused.sent()));
    assert_eq!(player.resume("p").await.unwrap().state, State::Replaying);
    let operator = async {
        tokio::time::sleep(Duration::from_millis(1000)).await;
        player.cancel("p").await.unwrap()
    };
    let (ended, _) = join(player.play("p", far()), operator).await;
    let Ended::Over(cancelled) = ended.unwrap() else {
        panic!("out of time");
    };
    assert_eq!(cancelled.state, State::Cancelled);
    let sent = cancelled.sent().events;
    assert!(sent > paused.sent().events && sent < 900, "{sent}");
    let refused = player.resume("p").await.unwrap_err();
    assert!(refused.to_string().contains("cancelled"), "{refused}");
    aws.system.stop().await;
}

/// Polls a future so many times, lets `act` run meanwhile, and waits for both.
/// `None` for `act` where the future has ended before.
async fn with_between<F: Future, A: Future>(
    polls: usize,
    future: F,
    act: A,
) -> (F::Output, Option<A::Output>) {
    let mut future = pin!(future);
    match dies_after(polls, future.as_mut()).await {
        Some(ended) => (ended, None),
        None => {
            let acted = act.await;
            (future.await, Some(acted))
        }
    }
}

#[tokio::test]
async fn what_the_operator_has_cancelled_stays_cancelled_wherever_it_was() {
    let aws = Aws::start().await;
    history(&aws, 3, 4).await;
    let player = player(&aws);
    let mut cancelled = 0;
    for polls in (1..).step_by(2) {
        let id = format!("p{polls}");
        player.create(&id, &to_subscriber(json!({}))).await.unwrap();
        let cancel = player.cancel(&id);
        let (ended, said) = with_between(polls, player.play(&id, far()), cancel).await;
        let Ended::Over(ended) = ended.unwrap() else {
            panic!("out of time");
        };
        let Some(said) = said else { break };
        let stored = load(&aws.data(), &id).await.unwrap().unwrap();
        if said.is_ok() {
            assert_eq!(stored.state, State::Cancelled, "after {polls} polls");
            assert_eq!(ended.state, State::Cancelled, "after {polls} polls");
            cancelled += 1;
        } else {
            assert_eq!(stored.state, State::Completed, "after {polls} polls");
        }
    }
    assert!(cancelled > 5, "{cancelled} were cancelled");
    aws.system.stop().await;
}

#[tokio::test]
async fn a_rival_takes_over_and_the_deadline_ends_an_invocation() {
    let aws = Aws::start().await;
    let all = history(&aws, 30, 30).await;
    let player = player(&aws);
    let mut request = to_subscriber(json!({}));
    // Nine seconds: a busy machine must not let one end before the other begins.
    request.rate = Some(100);
    player.create("p", &request).await.unwrap();
    let soon = Instant::now() + Duration::from_millis(1500);
    let ended = player.play("p", soon).await.unwrap();
    let Ended::Unfinished(playback) = ended else {
        panic!("{ended:?}");
    };
    assert!(playback.sent().events > 0);
    let rival = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        player.play("p", far()).await
    };
    let (first, second) = join(player.play("p", far()), rival).await;
    let Ended::Over(taken_over) = first.unwrap() else {
        panic!("out of time");
    };
    assert_eq!(taken_over.state, State::Replaying, "it is not over");
    let Ended::Over(played) = second.unwrap() else {
        panic!("out of time");
    };
    assert_eq!(played.sent().events as usize, all.len());
    assert_eq!(player.orphaned().await.unwrap(), Vec::<String>::new());
    aws.system.stop().await;
}

#[tokio::test]
async fn two_playbacks_at_once_through_a_throttled_stream_keep_their_order() {
    let aws = Aws::start().await;
    let all = history(&aws, 40, 20).await;
    let plan = Plan {
        seed: 11,
        rate: 0.3,
        kinds: vec![Kind::Partial, Kind::Throttled, Kind::AnswerLost],
    };
    let stream = faulty_stream(&aws, &Faults::new(plan)).await;
    let player = player_on(&aws, stream);
    let request = to_subscriber(json!({}));
    let (a, b) = join(play(&player, "a", &request), play(&player, "b", &request)).await;
    assert_eq!((a.state, b.state), (State::Completed, State::Completed));
    let deliveries = subscriber(&aws).await.next().await;
    for id in ["a", "b"] {
        let (mut streams, _) = of(id, &deliveries);
        for events in streams.values_mut() {
            // An answer that was lost makes a record come twice, at once.
            let mut highest = 0;
            events.retain(|event| {
                let is_new = event.version > highest;
                highest = highest.max(event.version);
                is_new
            });
        }
        assert_eq!(streams, by_stream(&all), "{id}");
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn a_stream_that_takes_nothing_fails_the_invocation_and_loses_nothing() {
    let aws = Aws::start().await;
    let all = history(&aws, 10, 10).await;
    let faults = Faults::new(Plan {
        seed: 12,
        rate: 1.0,
        kinds: vec![Kind::Throttled],
    });
    let player = player_on(&aws, faulty_stream(&aws, &faults).await);
    let request = to_subscriber(json!({}));
    player.create("p", &request).await.unwrap();
    let failed = player.play("p", far()).await.unwrap_err();
    assert!(failed.to_string().contains("PutRecords"), "{failed}");
    faults.stop();
    let Ended::Over(played) = player.play("p", far()).await.unwrap() else {
        panic!("out of time");
    };
    assert_eq!(played.state, State::Completed);
    let deliveries = subscriber(&aws).await.next().await;
    let (streams, markers) = of("p", &deliveries);
    assert_eq!(streams, by_stream(&all));
    check_markers(&markers, &played);
    aws.system.stop().await;
}

/// The replay stream behind faults.
async fn faulty_stream(aws: &Aws, faults: &Faults) -> Stream {
    let (dynamodb, kinesis) = (
        aws.system.dynamodb_endpoint(),
        aws.system.kinesis_endpoint(),
    );
    let clients = Clients::at(dynamodb, kinesis).await;
    let clients = clients.map_config(|config| faults.around(impatient(config, 2)));
    clients.stream_named(aws.system.stream("ReplayStream").unwrap())
}

/// Lets write fold what the replay stream holds until the playback is over.
async fn rebuild(aws: &Aws, player: &Player, id: &str) -> Playback {
    let mut subscriber = subscriber(aws).await;
    let projector = Projector::new(service(), aws.events(), aws.data());
    let write = async {
        loop {
            let deliveries = subscriber.next().await.into_iter();
            let deliveries: Vec<(usize, Delivery)> = deliveries.enumerate().collect();
            let projected = projector.project(&deliveries).await.unwrap();
            assert!(projected.failed.is_empty());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut write = pin!(write);
    let mut playing = pin!(player.play(id, far()));
    tokio::select! {
        ended = &mut playing => match ended.unwrap() {
            Ended::Over(playback) => *playback,
            Ended::Unfinished(playback) => panic!("{playback:?}"),
        },
        () = async { loop { (&mut write).await } } => unreachable!(),
    }
}

struct Names(Vec<String>);
impl Watch for Names {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(format!("{violation:?}"));
    }

    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

#[tokio::test]
async fn a_part_of_history_goes_into_a_generation_of_its_own_and_never_serves() {
    let aws = Aws::start().await;
    let all = history(&aws, 12, 30).await;
    let store = aws.data();
    let player = player(&aws);
    for (nth, what) in [
        json!({"versions": {"to": 10}}),
        json!({"types": ["tripled"]}),
        json!({"count": 50}),
        json!({"streams": ["count-3"]}),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("part-{nth}");
        let request = Request {
            what: serde_json::from_value(what.clone()).unwrap(),
            to: ["sums", "digits"].map(Destination::projection).to_vec(),
            ..Request::default()
        };
        player.create(&id, &request).await.unwrap();
        let played = rebuild(&aws, &player, &id).await;
        assert_eq!(
            (played.state, &played.reason),
            (State::Completed, &None),
            "{what}"
        );
        let selection = &played.request.what;
        for (stream, events) in by_stream(&all) {
            let seen = events.iter().filter(|event| selection.takes(event));
            let seen: Vec<u64> = seen
                .map(|event| event.data::<Value>().unwrap()["n"].as_u64().unwrap())
                .collect();
            let target = played.targets().next().unwrap();
            let row = store.get(&Key::row(target, stream.id())).await.unwrap();
            let state = row
                .and_then(|row| row.state)
                .map(|state| state["seen"].clone());
            let expected = (!seen.is_empty()).then(|| json!(seen));
            assert_eq!(state, expected, "{what} {stream}");
        }
        for target in played.targets() {
            let refused = player.activate(target).await.unwrap_err();
            assert!(refused.to_string().contains("part of history"), "{refused}");
        }
    }
    // Live events do not reach them; the auditor knows what they hold.
    let projector = Projector::new(service(), aws.events(), aws.data());
    projector
        .project(&[support::delivery(&all[..40])])
        .await
        .unwrap();
    let mut names = Names(Vec::new());
    let audit = Audit::new(service(), aws.events(), aws.data());
    audit.run(&mut names).await.unwrap();
    assert_eq!(names.0, Vec::<String>::new());

    let known = lifecycle::of(&store, "sums").await.unwrap();
    assert_eq!((known.serving, known.parts.len()), (1, 4));
    for generation in known.parts.keys() {
        for projection in ["sums", "digits"] {
            let target = rewind::Target {
                projection: projection.into(),
                generation: *generation,
            };
            player.drop_generation(&target).await.unwrap();
        }
    }
    assert!(player.sweep(far()).await.unwrap());
    let known = lifecycle::of(&store, "sums").await.unwrap();
    assert!(known.parts.is_empty());
    assert_eq!(
        known.dropped.len(),
        4,
        "swept once more, when all has settled"
    );
    let target = rewind::Target {
        projection: "sums".into(),
        generation: 2,
    };
    let row = store.get(&Key::row(&target, "3")).await.unwrap();
    assert_eq!(row, None, "nothing of it is left");
    aws.system.stop().await;
}

#[tokio::test]
async fn only_who_builds_a_generation_lets_readers_see_it() {
    let aws = Aws::start().await;
    history(&aws, 6, 12).await;
    let player = player(&aws);
    let by_hand = Request {
        activate: Activation::ByHand,
        ..Request::rebuild("sums")
    };
    player.create("builder", &by_hand).await.unwrap();
    // Into the generation that the other one is building: one stream of six.
    let aimed = Request {
        what: serde_json::from_value(json!({"streams": ["count-3"]})).unwrap(),
        to: vec![Destination {
            generation: Some(2),
            ..Destination::projection("sums")
        }],
        ..Request::default()
    };
    player.create("aimed", &aimed).await.unwrap();
    let played = rebuild(&aws, &player, "aimed").await;
    assert_eq!(played.state, State::Completed, "{played:?}");
    let known = lifecycle::of(&aws.data(), "sums").await.unwrap();
    assert_eq!((known.serving, known.building), (1, Some(2)));
    let built = rebuild(&aws, &player, "builder").await;
    assert_eq!(built.state, State::CaughtUp, "{built:?}");
    let target = built.targets().next().unwrap();
    assert_eq!(player.activate(target).await.unwrap().serving, 2);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_playback_paused_at_its_end_still_says_that_it_has_ended() {
    let aws = Aws::start().await;
    let all = history(&aws, 4, 6).await;
    let player = player(&aws);
    let request = to_subscriber(json!({}));
    player.create("p", &request).await.unwrap();
    // Between its first page and its last step, wherever it gets to.
    for polls in (10..).step_by(3) {
        if let Some(ended) = dies_after(polls, player.play("p", far())).await {
            assert!(matches!(ended.unwrap(), Ended::Over(_)));
            break;
        }
        if player.pause("p").await.is_ok() {
            player.resume("p").await.unwrap();
        }
    }
    let playback = load(&aws.data(), "p").await.unwrap().unwrap();
    assert_eq!(playback.state, State::Completed);
    let deliveries = subscriber(&aws).await.next().await;
    let (_, markers) = of("p", &deliveries);
    let end = Marker::End {
        events: all.len() as u64,
    };
    assert!(markers.contains(&end), "{markers:?}");
    aws.system.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_the_reason() {
    let aws = Aws::start().await;
    let player = player(&aws);
    let future = now()
        .checked_add(jiff::SignedDuration::from_hours(1))
        .unwrap();
    assert!(micros(future) > micros(now()));
    let to = json!([{"projection": "sums"}]);
    for (request, field, word) in [
        (
            json!({"to": [{"projection": "summs"}]}),
            "to[0].projection",
            "sums, hoards",
        ),
        (json!({"to": []}), "to", "at least one"),
        (json!({"to": [{}]}), "to[0]", "one of"),
        (
            json!({"to": [{"projection": "sums"}, {"projection": "sums"}]}),
            "to[1]",
            "twice",
        ),
        (
            json!({"to": [{"subscriber": "s", "generation": 1}]}),
            "to[0].generation",
            "only",
        ),
        (
            json!({"to": to, "what": {"recorded": {"from": future}}}),
            "what.recorded.from",
            "future",
        ),
        (
            json!({"to": to, "what": {"versions": {"from": 5, "to": 4}}}),
            "what.versions",
            "empty",
        ),
        (
            json!({"to": to, "what": {"categories": ["spread"]}}),
            "what",
            "empty",
        ),
        (
            json!({"to": to, "what": {"count": 0}}),
            "what.count",
            "empty",
        ),
        (json!({"to": to, "rate": 0}), "rate", "at least 1"),
        (
            json!({"to": [{"projection": "sums", "generation": 1}], "what": {"versions": {"to": 3}}}),
            "to[0].generation",
            "one of its own",
        ),
        (
            json!({"to": [{"projection": "sums", "generation": 9}]}),
            "to[0].generation",
            "no live",
        ),
    ] {
        let asked: Request = serde_json::from_value(request.clone()).unwrap();
        match player.create("x", &asked).await {
            Err(PlayError::Refused(problem)) => {
                assert_eq!(problem.field.as_deref(), Some(field), "{request}");
                assert!(
                    problem.detail.contains(word),
                    "{request}: {}",
                    problem.detail
                );
            }
            other => panic!("{request}: {other:?}"),
        }
    }
    // Two rebuilds of one projection at once.
    let request = Request {
        activate: Activation::ByHand,
        ..Request::rebuild("sums")
    };
    player.create("one", &request).await.unwrap();
    player.create("one", &request).await.unwrap();
    let refused = player.create("two", &request).await.unwrap_err();
    assert!(refused.to_string().contains("one is building"), "{refused}");
    let refused = player
        .create("one", &Request::rebuild("digits"))
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("another request"), "{refused}");
    player.cancel("one").await.unwrap();
    player.create("two", &request).await.unwrap();
    // Nothing of a refused request is left behind.
    let both = Request {
        to: ["digits", "sums"].map(Destination::projection).to_vec(),
        ..Request::default()
    };
    player.create("three", &both).await.unwrap_err();
    let digits = lifecycle::of(&aws.data(), "digits").await.unwrap();
    assert_eq!(digits.building, None);
    assert!(load(&aws.data(), "three").await.unwrap().is_none());
    let nothing = Destination {
        microservice: Some(ToMicroservice::default()),
        ..Destination::default()
    };
    let to_reactions = Request {
        to: vec![nothing],
        ..Request::default()
    };
    player.create("four", &to_reactions).await.unwrap();
    aws.system.stop().await;
}
