//! Rows and checkpoints.

use crate::scene::{Scene, row};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind_aws::{
    audit::report::Kind,
    data_table::{key::Key, row::Row},
};
use serde_json::json;

#[tokio::test]
async fn a_row_that_is_not_the_fold_of_its_events_is_reported() {
    let scene = Scene::with_history().await;
    let wrong = |row: &mut Row| row.state = Some(json!({"sum": 1, "seen": [1]}));
    scene.tamper(&row("sums", "1"), wrong).await;
    // The state is that of another watermark.
    scene
        .tamper(&row("sums", "2"), |row| row.watermark -= 1)
        .await;
    scene
        .tamper(&row("digits", "digit/3"), |row| row.state = Some(json!(99)))
        .await;
    let expected = [
        (Kind::RowDiffers, "digits@1/digit/3"),
        (Kind::RowDiffers, "sums@1/1"),
        (Kind::RowDiffers, "sums@1/2"),
    ];
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_row_of_a_generation_that_is_built_is_looked_at_too() {
    let scene = Scene::with_history().await;
    let building = scene.rebuild("sums").await;
    let state = Some(json!({"sum": 5, "seen": []}));
    scene
        .tamper(&Key::row(&building, "1"), |row| {
            row.watermark = 1;
            row.state = state;
        })
        .await;
    scene.expect(&[(Kind::RowDiffers, "sums@2/1")]).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_row_or_mark_ahead_of_its_stream_is_reported() {
    let scene = Scene::with_history().await;
    scene
        .tamper(&row("sums", "1"), |row| row.watermark += 1)
        .await;
    scene
        .tamper(&Key::checkpoint("digits@1", "count-2"), |row| {
            row.watermark += 1
        })
        .await;
    scene
        .tamper(&Key::checkpoint("rule/quiet", "count-3"), |row| {
            row.watermark += 1
        })
        .await;
    scene
        .tamper(&Key::checkpoint("rule/quiet", "count-none"), |row| {
            row.watermark = 1
        })
        .await;
    let expected = [
        (Kind::RowAhead, "sums@1/1"),
        (Kind::CheckpointAhead, "digits@1/count-2"),
        (Kind::CheckpointAhead, "rule/quiet/count-3"),
        (Kind::CheckpointAhead, "rule/quiet/count-none"),
    ];
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_missing_and_a_superfluous_shared_row_are_reported() {
    let scene = Scene::with_history().await;
    scene
        .aws
        .data()
        .delete(&row("digits", "digit/2"))
        .await
        .unwrap();
    scene
        .tamper(&row("digits", "digit/9"), |row| row.state = Some(json!(1)))
        .await;
    let expected = [
        (Kind::RowMissing, "digits@1/digit/2"),
        (Kind::RowSuperfluous, "digits@1/digit/9"),
    ];
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_row_without_a_stream_or_in_the_wrong_place_is_reported() {
    let scene = Scene::with_history().await;
    scene
        .tamper(&row("sums", "nobody"), |row| row.watermark = 1)
        .await;
    let mut misplaced = row("digits", "digit/4");
    misplaced.pk = "digits@1#99".into();
    scene
        .tamper(&misplaced, |row| row.state = Some(json!(1)))
        .await;
    let expected = [
        (Kind::RowSuperfluous, "digits@1/digit/4"),
        (Kind::RowSuperfluous, "sums@1/nobody"),
    ];
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_damaged_item_is_reported_and_the_rest_is_looked_at() {
    let scene = Scene::with_history().await;
    let table = scene.aws.system.table("DataTable").unwrap();
    let key = row("sums", "2");
    let request = scene.raw.put_item().table_name(table);
    let request = request
        .item("pk", AttributeValue::S(key.pk))
        .item("sk", AttributeValue::S(key.sk))
        .item("watermark", AttributeValue::S("twelve".into()));
    request.send().await.unwrap();
    scene
        .tamper(&row("sums", "3"), |row| row.watermark += 1)
        .await;
    let (counts, _) = scene.audit().await;
    assert!(counts.violations.contains_key(&Kind::DamagedItem));
    assert_eq!(counts.violations[&Kind::RowAhead], 1);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn rows_are_looked_at_in_parts_and_each_is_reported_once() {
    let scene = Scene::with_history().await;
    let (_, violations) = scene.audit_holding(1).await;
    assert_eq!(violations, []);
    scene
        .tamper(&row("digits", "digit/1"), |row| row.state = Some(json!(99)))
        .await;
    scene
        .tamper(&row("digits", "digit/9"), |row| row.state = Some(json!(1)))
        .await;
    for digit in [0, 5] {
        let gone = row("digits", &format!("digit/{digit}"));
        scene.aws.data().delete(&gone).await.unwrap();
    }
    let (_, violations) = scene.audit_holding(1).await;
    let kinds = violations.iter().map(|violation| violation.kind);
    let mut kinds: Vec<Kind> = kinds.collect();
    kinds.sort_unstable();
    let missing = Kind::RowMissing;
    let expected = [Kind::RowDiffers, missing, missing, Kind::RowSuperfluous];
    assert_eq!(kinds, expected, "{violations:#?}");
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn rows_that_are_all_missing_do_not_take_more_memory() {
    let scene = Scene::with_history().await;
    for digit in 0..6 {
        let gone = row("digits", &format!("digit/{digit}"));
        scene.aws.data().delete(&gone).await.unwrap();
    }
    // Room for three rows where no row is stored and six have to be there.
    let (counts, _) = scene.audit_holding(1).await;
    assert_eq!(counts.violations[&Kind::RowMissing], 6);
    scene.aws.system.stop().await;
}

/// Lets a projection's generation 1 be one that another version has made.
async fn outdate(scene: &Scene, projection: &str) {
    let key = Key {
        pk: "rewind#projections".into(),
        sk: projection.into(),
    };
    let change = |row: &mut Row| {
        let state = row.state.as_mut().unwrap();
        assert_eq!(state["versions"]["1"], 1);
        state["versions"]["1"] = json!(7);
    };
    scene.tamper(&key, change).await;
}

#[tokio::test]
async fn rows_of_other_code_are_a_notice_and_no_violation() {
    let scene = Scene::with_history().await;
    let wrong = |row: &mut Row| row.state = Some(json!(99));
    scene.tamper(&row("sums", "1"), wrong).await;
    scene.tamper(&row("sums", "nobody"), wrong).await;
    scene.tamper(&row("digits", "digit/3"), wrong).await;
    scene.tamper(&row("digits", "digit/9"), wrong).await;
    outdate(&scene, "sums").await;
    outdate(&scene, "digits").await;
    let (counts, violations) = scene.audit().await;
    assert_eq!(violations, []);
    assert!(counts.is_clean());
    let said: Vec<String> = counts.outdated.iter().map(ToString::to_string).collect();
    let why = "was made by version 7 of its projection, and the code is version 1: its rows are not compared, a rebuild is due";
    for generation in ["sums@1", "digits@1"] {
        assert!(said.contains(&format!("{generation} {why}")), "{said:?}");
    }
    assert_eq!(said.len(), 2);

    // What is no matter of code still is one: a checkpoint, and another generation.
    let building = scene.rebuild("sums").await;
    let ahead = |row: &mut Row| row.watermark += 1;
    scene
        .tamper(&Key::checkpoint("digits@1", "count-2"), ahead)
        .await;
    let wrong = |row: &mut Row| {
        row.watermark = 1;
        row.state = Some(json!({"sum": 5, "seen": []}));
    };
    scene.tamper(&Key::row(&building, "1"), wrong).await;
    let expected = [
        (Kind::RowDiffers, "sums@2/1"),
        (Kind::CheckpointAhead, "digits@1/count-2"),
    ];
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}
