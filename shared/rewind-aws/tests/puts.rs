//! Rows that are written at the same moment share a request, and nothing else:
//! each has its own condition, its own answer and its own fate.

#[allow(dead_code, reason = "each test file uses its own part")]
#[path = "capacity/meter.rs"]
mod meter;
mod support;

use aws_smithy_http_client::Builder;
use futures::{FutureExt, future::join_all};
use meter::Meter;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::Target;
use rewind_aws::data_table::{
    data_store::DataStore,
    key::Key,
    row::{Row, Written},
    telling::{Image, Telling},
};
use serde_json::{Value, json};
use support::Aws;

fn key(id: usize) -> Key {
    let target = Target {
        projection: "sums".into(),
        generation: 1,
    };
    Key::row(&target, &id.to_string())
}

fn row(state: Value) -> Row {
    Row {
        state: Some(state),
        watermark: 1,
        ..Row::default()
    }
}

/// The row as it stands behind a write over `was`.
fn written(row: &Row, was: &Row) -> Row {
    Row {
        revision: was.revision + 1,
        ..row.clone()
    }
}

async fn metered() -> (Aws, Meter, DataStore) {
    let aws = Aws::start().await;
    let meter = Meter::around(Builder::new().build_http());
    let client = meter.clone();
    let clients = aws.clients.clone();
    let clients = clients.map_config(|config| config.into_builder().http_client(client).build());
    let store = clients.data_store(aws.system.table("DataTable").unwrap());
    (aws, meter, store)
}

#[tokio::test]
async fn rows_of_one_moment_share_a_request_and_each_is_answered_for_itself() {
    let (aws, meter, store) = metered().await;
    let none = Row::default();
    let rows: Vec<Row> = (0..60).map(|n| row(json!({ "n": n }))).collect();
    let keys: Vec<Key> = (0..60).map(key).collect();
    let puts = rows.iter().zip(&keys);
    let puts = puts.map(|(row, key)| store.put_over(key, row, &none));
    for put in join_all(puts).await {
        assert_eq!(put.unwrap(), Written::Done);
    }
    let reading = meter.take();
    assert_eq!(reading.all_requests(), 3, "{reading:?}");
    assert_eq!(reading.write_units, 60.0);

    // Of those that come next, each third was not read again, and one does not fit
    // an item.
    let huge = row(json!("a".repeat(450_000)));
    let next = row(json!("next"));
    let read: Vec<Row> = rows.iter().map(|row| written(row, &none)).collect();
    let puts = keys.iter().enumerate().map(|(nth, key)| {
        let was = if nth % 3 == 0 { &none } else { &read[nth] };
        store.put_over(key, if nth == 31 { &huge } else { &next }, was)
    });
    for (nth, put) in join_all(puts).await.into_iter().enumerate() {
        match nth {
            31 => assert!(put.unwrap_err().is_rejected()),
            nth if nth % 3 == 0 => assert_eq!(put.unwrap(), Written::Stale, "{nth}"),
            _ => assert_eq!(put.unwrap(), Written::Done, "{nth}"),
        }
    }
    let stand = store.rows(&keys).await.unwrap();
    for (nth, key) in keys.iter().enumerate() {
        let expected = match nth {
            31 => read[nth].clone(),
            nth if nth % 3 == 0 => read[nth].clone(),
            _ => written(&next, &read[nth]),
        };
        assert_eq!(stand[key], expected, "{nth}");
    }
    aws.system.stop().await;
}

/// Two writers of one row that have read the same: one of them is told that it
/// comes too late, also where both write at the same moment.
#[tokio::test]
async fn of_two_writers_of_a_row_one_is_told() {
    let (aws, meter, store) = metered().await;
    let mut was = Row::default();
    for round in 0..20 {
        let rows: Vec<Row> = (0..4).map(|n| row(json!([round, n]))).collect();
        let puts = rows.iter().map(|row| {
            let (store, was) = (&store, &was);
            async move { store.put_over(&key(1), row, was).await.unwrap() }
        });
        let puts = join_all(puts).await;
        // One that names a key twice would be refused as a whole.
        assert_eq!(meter.take().all_requests(), 4);
        let done: Vec<usize> = (0..4).filter(|n| puts[*n] == Written::Done).collect();
        assert_eq!(done.len(), 1, "{puts:?}");
        let stands = store.get(&key(1)).await.unwrap().unwrap();
        assert_eq!(stands, written(&rows[done[0]], &was));
        was = stands;
        meter.take();
    }
    aws.system.stop().await;
}

/// Whatever a row had before, it is what was written last.
#[tokio::test]
async fn a_row_is_what_was_written_last() {
    let (aws, _, store) = metered().await;
    let mut dice = SmallRng::seed_from_u64(7);
    let any = |dice: &mut SmallRng| Row {
        state: match dice.random_range(0..4) {
            0 => None,
            1 => Some(json!(null)),
            2 => Some(json!({ "e": "", "a'b\"c?": [1.5, true, null, {}], "n": -7 })),
            _ => Some(json!("text")),
        },
        watermark: dice.random_range(0..3),
        revision: 0,
        stalled: dice.random_bool(0.5).then(|| "no".to_string()),
        telling: match dice.random_range(0..4) {
            0 => Telling::Nobody,
            1 => Telling::Told,
            2 => Telling::Elsewhere(2),
            _ => Telling::Behind(Image {
                row: Some(json!(1)),
            }),
        },
        secondary: dice.random_bool(0.5).then(|| "it's ?".to_string()),
    };
    let keys: Vec<Key> = (0..10).map(key).collect();
    let mut was = vec![Row::default(); keys.len()];
    for _ in 0..40 {
        let next: Vec<Row> = keys.iter().map(|_| any(&mut dice)).collect();
        let puts = keys.iter().zip(&next).zip(&was);
        let puts = puts.map(|((key, next), was)| store.put_over(key, next, was));
        for put in join_all(puts).await {
            assert_eq!(put.unwrap(), Written::Done);
        }
        let stand = store.rows(&keys).await.unwrap();
        for ((key, next), was) in keys.iter().zip(&next).zip(&mut was) {
            *was = written(next, was);
            assert_eq!(stand[key], *was);
        }
    }
    aws.system.stop().await;
}

/// An invocation that ends in the middle takes nobody with it, and leaves no
/// write to those that come later.
#[tokio::test]
async fn one_that_gives_up_holds_nobody_up() {
    let (aws, meter, store) = metered().await;
    let (none, one) = (Row::default(), row(json!("one")));
    let keys = [key(1), key(2), key(3)];
    let mut first = Box::pin(store.put_over(&keys[0], &one, &none));
    assert!(first.as_mut().now_or_never().is_none());
    let mut second = Box::pin(store.put_over(&keys[1], &one, &none));
    assert!(second.as_mut().now_or_never().is_none());
    drop(first);
    assert_eq!(second.await.unwrap(), Written::Done);
    assert_eq!(meter.take().all_requests(), 1);

    let mut third = Box::pin(store.put_over(&keys[2], &one, &none));
    assert!(third.as_mut().now_or_never().is_none());
    drop(third);
    let over = written(&one, &none);
    let put = store.put_over(&keys[1], &one, &over).await;
    assert_eq!(put.unwrap(), Written::Done);
    assert_eq!(store.get(&keys[2]).await.unwrap(), None);
    aws.system.stop().await;
}
