//! `kill -9` of functions and of the whole system: no event is lost, and none is
//! recorded twice.

use crate::{
    client::Client,
    support::{BATCH, rewind, start, stream, vote, wait_for},
};
use local::State;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

fn kill(pid: u32) {
    // It may have ended already.
    let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_functions_are_started_again_and_the_result_is_the_same() {
    let (system, client) = start(State::Ephemeral).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut kills = 0;
    let sender = {
        let (client, is_over) = (client.clone(), is_over.clone());
        tokio::spawn(async move {
            for batch in 0..40 {
                let votes: Vec<Value> = (0..10)
                    .map(|nth| vote("poll-1", batch * 10 + nth))
                    .collect();
                // A client sends the event until the answer is 202.
                while client
                    .post("/events", BATCH, json!(votes).to_string())
                    .await
                    .unwrap()
                    .status
                    != 202
                {}
                // There is time to kill some.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            is_over.store(true, Ordering::SeqCst);
        })
    };
    while !is_over.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let pids = system.function_pids();
        let (_, pid) = pids[kills % pids.len()];
        kill(pid);
        kills += 1;
    }
    sender.await.unwrap();
    let row = wait_for(&client, "/projections/one-vote-sum/1", |row| {
        row["watermark"] == 400
    })
    .await;
    assert_eq!(row["state"]["total"], 400);
    assert_eq!(stream(&client, "poll-1").await.len(), 400);
    assert!(kills > 3, "only {kills} processes were killed");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_system_loses_nothing_that_it_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let accepted: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    for round in 0..3 {
        let (process, url) = rewind(dir.path());
        let client = Client::new(url);
        let senders = (0..4).map(|sender| {
            let (client, accepted) = (client.clone(), accepted.clone());
            tokio::spawn(async move {
                for batch in 0.. {
                    let stream = format!("poll-{sender}");
                    let nth = |n: usize| round * 100_000 + batch * 5 + n;
                    let votes: Vec<Value> = (0..5).map(|n| vote(&stream, nth(n))).collect();
                    match client
                        .post("/events", BATCH, json!(votes).to_string())
                        .await
                    {
                        Ok(answer) if answer.status == 202 => {
                            let ids = votes
                                .iter()
                                .map(|vote| vote["id"].as_str().unwrap().to_string());
                            accepted.lock().unwrap().extend(ids);
                        }
                        Ok(answer) => panic!("{}: {}", answer.status, answer.body),
                        // The system is gone.
                        Err(_) => return,
                    }
                }
            })
        });
        let senders: Vec<_> = senders.collect();
        tokio::time::sleep(Duration::from_millis(700 + 150 * round as u64)).await;
        // With SIGKILL.
        drop(process);
        for sender in senders {
            sender.await.unwrap();
        }
    }
    let (_process, url) = rewind(dir.path());
    let client = Client::new(url);
    let accepted = accepted.lock().unwrap().clone();
    assert!(
        accepted.len() > 100,
        "only {} events were accepted",
        accepted.len()
    );
    for sender in 0..4 {
        let name = format!("poll-{sender}");
        let of_stream = format!("{name}/");
        let expected = accepted
            .iter()
            .filter(|id| id.starts_with(&of_stream))
            .count() as u64;
        let path = format!("/projections/basic-sum/{sender}");
        let row = wait_for(&client, &path, |row| {
            row["watermark"].as_u64() >= Some(expected)
        })
        .await;
        let events = stream(&client, &name).await;
        let ids: BTreeSet<&str> = events
            .iter()
            .map(|event| event["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), events.len(), "an event is recorded twice");
        let lost: Vec<_> = accepted
            .iter()
            .filter(|id| id.starts_with(&of_stream) && !ids.contains(id.as_str()))
            .collect();
        assert!(lost.is_empty(), "accepted and lost: {lost:?}");
        assert_eq!(row["state"]["total"], row["watermark"]);
    }
}
