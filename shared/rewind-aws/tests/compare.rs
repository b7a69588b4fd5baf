//! Comparing generations: what differs is found, however it is cut into parts.

mod support;

use rewind::Target;
use rewind_aws::{
    data_table::{data_store::DataStore, key::Key, row::Row},
    generation::{compare, comparison::Comparison, cursor::Cursor, generations::Generations},
};
use serde_json::{Value, json};
use support::Aws;

fn target(generation: u64) -> Target {
    Target {
        projection: "sums".into(),
        generation,
    }
}

async fn write(store: &DataStore, generation: u64, key: &str, state: Option<Value>) {
    let row = Row {
        state,
        watermark: generation,
        revision: 1,
        ..Row::default()
    };
    let key = Key::row(&target(generation), key);
    store.replace(&key, &row).await.unwrap();
}

/// All of a comparison, read in parts of a page each.
async fn in_parts(store: &DataStore, pair: [u64; 2], sample: usize) -> (Comparison, u64) {
    let [a, b] = pair.map(target);
    let (mut all, mut parts) = (Comparison::default(), 0);
    let mut from = Cursor::default();
    loop {
        let left = sample - all.sample.len();
        let part = compare::compare(store, [&a, &b], left, from, || false);
        let (found, next) = part.await.unwrap();
        all += found;
        parts += 1;
        let Some(next) = next else {
            return (all, parts);
        };
        // Through HTTP it goes as text.
        let text = serde_json::to_string(&next).unwrap();
        from = serde_json::from_str(&text).unwrap();
    }
}

async fn at_once(store: &DataStore, pair: [u64; 2], sample: usize) -> Comparison {
    let [a, b] = pair.map(target);
    let compared = compare::compare(store, [&a, &b], sample, Cursor::default(), || true);
    let (found, next) = compared.await.unwrap();
    assert_eq!(next, None);
    found
}

#[tokio::test]
async fn generations_that_hold_the_same_are_equal_whatever_their_watermarks() {
    let aws = Aws::start().await;
    let store = aws.data();
    for nth in 0..20 {
        // The order of a state's fields does not count.
        write(
            &store,
            1,
            &format!("{nth}"),
            Some(json!({"x": nth, "y": 1})),
        )
        .await;
        write(
            &store,
            2,
            &format!("{nth}"),
            Some(json!({"y": 1, "x": nth})),
        )
        .await;
    }
    // It only says why its first event is not in it.
    write(&store, 2, "stalled", None).await;
    let found = at_once(&store, [1, 2], 10).await;
    assert!(found.is_equal(), "{found:?}");
    assert_eq!((found.a.rows, found.b.rows), (20, 20));
    assert_eq!(found.a.checksum, found.b.checksum);
    assert_ne!(found.a.checksum.to_string(), "0".repeat(16));
    assert_eq!(in_parts(&store, [1, 2], 10).await.0, found);
    let nothing = at_once(&store, [3, 4], 10).await;
    assert_eq!(nothing, Comparison::default());
    aws.system.stop().await;
}

#[tokio::test]
async fn what_differs_is_counted_and_the_first_of_it_shown() {
    let aws = Aws::start().await;
    let store = aws.data();
    for nth in 0..60 {
        let key = format!("{nth:02}");
        let state = |of: u64| Some(json!({"n": nth, "of": of}));
        match nth % 6 {
            0 => write(&store, 1, &key, state(0)).await,
            1 => write(&store, 2, &key, state(0)).await,
            2 => {
                write(&store, 1, &key, state(1)).await;
                write(&store, 2, &key, state(2)).await;
            }
            _ => {
                write(&store, 1, &key, state(0)).await;
                write(&store, 2, &key, state(0)).await;
            }
        }
    }
    let found = at_once(&store, [1, 2], 100).await;
    assert_eq!((found.a.rows, found.b.rows), (50, 50));
    assert_eq!((found.only_a, found.only_b, found.different), (10, 10, 10));
    assert_eq!(found.sample.len(), 30);
    assert_ne!(found.a.checksum, found.b.checksum);
    for differing in &found.sample {
        let kind = differing.key.parse::<u64>().unwrap() % 6;
        let (a, b) = (&differing.a, &differing.b);
        assert_eq!((a.is_some(), b.is_some()), (kind != 1, kind != 0));
        if kind == 2 {
            let (a, b) = (a.as_ref().unwrap(), b.as_ref().unwrap());
            assert_eq!((a.watermark, b.watermark), (Some(1), Some(2)));
            assert_eq!((&a.state["of"], &b.state["of"]), (&json!(1), &json!(2)));
        }
    }
    let few = at_once(&store, [1, 2], 3).await;
    assert_eq!(few.sample, found.sample[..3]);
    assert_eq!(few.different, 10);
    let (cut, parts) = in_parts(&store, [1, 2], 100).await;
    assert_eq!(cut, found);
    assert_eq!(parts, 8, "a part is a page at least");
    aws.system.stop().await;
}

#[tokio::test]
async fn partitions_of_many_pages_are_compared_to_their_ends() {
    let aws = Aws::start().await;
    let store = aws.data();
    // Rows of one prefix lie in one partition; b's begin where a's end.
    for nth in 0..700 {
        write(&store, 1, &format!("all/{nth:04}"), Some(json!(nth))).await;
    }
    for nth in 600..1300 {
        let state = (nth % 2 == 0).then(|| json!(nth));
        write(&store, 2, &format!("all/{nth:04}"), state).await;
    }
    let found = at_once(&store, [1, 2], 0).await;
    assert_eq!((found.a.rows, found.b.rows), (700, 350));
    assert_eq!((found.only_a, found.only_b, found.different), (650, 300, 0));
    let (cut, parts) = in_parts(&store, [1, 2], 0).await;
    assert_eq!(cut, found);
    assert!(parts > 8, "{parts}");
    aws.system.stop().await;
}

#[test]
fn without_a_word_what_serves_is_compared_with_what_is_built() {
    let chosen = |known: &Generations, a, b| {
        let targets = compare::chosen("sums", known, a, b);
        targets.map(|targets| targets.map(|target| target.generation))
    };
    let mut known = Generations::default();
    let problem = chosen(&known, None, None).unwrap_err();
    assert_eq!((problem.status, problem.field.as_deref()), (404, Some("b")));
    known.previous = Some(2);
    assert_eq!(chosen(&known, None, None), Ok([1, 2]));
    known.building = Some(3);
    assert_eq!(chosen(&known, None, None), Ok([1, 3]));
    assert_eq!(chosen(&known, Some(2), Some(3)), Ok([2, 3]));
    let problem = chosen(&known, Some(4), None).unwrap_err();
    assert_eq!((problem.status, problem.field.as_deref()), (404, Some("a")));
}
