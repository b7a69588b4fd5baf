//! Starting: what a restart finds again, and one clear line for each error.

mod support;

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use local::{Options, StartError, State, System, Template, TemplateError};
use support::{Temporary, dynamodb, options, start};

const TEMPLATE: &str = r#"
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
"#;

async fn refused(options: Options) -> StartError {
    let error = System::start(options).await.unwrap_err();
    assert!(
        !error.to_string().contains('\n'),
        "one line was expected: {error}"
    );
    error
}

fn write(path: std::path::PathBuf, content: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_finds_its_data_again() {
    let place = Temporary::new();
    let system = start(TEMPLATE, place.state()).await;
    let table = system.table("Table").unwrap();
    let id = AttributeValue::S("one".to_owned());
    dynamodb(&system, "test")
        .put_item()
        .table_name(&table)
        .item("id", id.clone())
        .send()
        .await
        .unwrap();
    system.stop().await;
    let system = start(TEMPLATE, place.state()).await;
    let found = dynamodb(&system, "test")
        .get_item()
        .table_name(&table)
        .key("id", id)
        .send()
        .await
        .unwrap();
    assert!(found.item.is_some());
    system.stop().await;
}

/// Everything in a folder, with its mode.
fn modes(folder: &std::path::Path) -> Vec<(std::path::PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let mut found = vec![(folder.to_owned(), mode(folder))];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(modes(&path)),
            false => found.push((path.clone(), mode(&path))),
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_is_nobody_elses() {
    use support::{hand_over, kinesis, put};
    let place = Temporary::new();
    let (seen, state) = (place.file("seen"), place.path().join("state"));
    let trigger = "BatchSize: 1, MaximumRetryAttempts: 0, DestinationConfig: { OnFailure: { Destination: !GetAtt Bucket.Arn } }";
    let template =
        support::reader_template(1, &format!("SEEN: '{seen}', FAILING: 'eA=='"), trigger);
    let template = format!("{template}{}", TEMPLATE.replace("\nResources:", ""));
    let system = start(&template, place.state()).await;
    let texts = ["x".to_owned(), "y".to_owned()];
    put(&kinesis(&system, "test"), "rewind-stream", "a", &texts).await;
    hand_over(
        &system,
        "reader",
        serde_json::json!({"do": "sleep", "ms": 500}),
    )
    .await;
    let check = || {
        for (path, mode) in modes(&state) {
            let private = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, private, "{}: {mode:o}", path.display());
        }
    };
    support::until("the event is kept", || {
        state.join("events").read_dir().unwrap().count() > 0
    })
    .await;
    check();
    support::idle(&system).await;
    support::until("a dead letter is written", || {
        state.join("dead-letters").exists()
    })
    .await;
    check();
    system.stop().await;
    check();
    let names: Vec<String> = modes(&state)
        .iter()
        .map(|(path, _)| path.strip_prefix(&state).unwrap().display().to_string())
        .collect();
    for part in [
        "dynamodb.sqlite",
        "logs/",
        "journal/",
        "dead-letters/",
        "lock",
    ] {
        assert!(
            names.iter().any(|name| name.starts_with(part)),
            "{part}: {names:?}"
        );
    }
    // An older state folder becomes private. Another existing folder keeps its permissions.
    use std::os::unix::fs::PermissionsExt;
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&state, open.clone()).unwrap();
    start(TEMPLATE, place.state()).await.stop().await;
    assert_eq!(modes(&state)[0].1, 0o700);
    let other = place.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::set_permissions(&other, open).unwrap();
    start(TEMPLATE, State::Folder(other.clone()))
        .await
        .stop()
        .await;
    assert_eq!(modes(&other)[0].1, 0o755);
    assert!(modes(&other)[1..].iter().all(|(_, mode)| mode & 0o077 == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_system_keeps_nothing() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let folder = system.folder().to_owned();
    assert!(folder.exists());
    system.stop().await;
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let port = system.url().rsplit_once(':').unwrap().1.parse().unwrap();
    let error = refused(Options {
        port,
        ..options(TEMPLATE, State::Ephemeral)
    })
    .await;
    assert!(
        matches!(error, StartError::PortInUse { port: named } if named == port),
        "{error}"
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_use_is_named() {
    let place = Temporary::new();
    let system = start(TEMPLATE, place.state()).await;
    let error = refused(options(TEMPLATE, place.state())).await;
    assert!(matches!(error, StartError::FolderInUse { .. }), "{error}");
    system.stop().await;
    start(TEMPLATE, place.state()).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_named() {
    let place = Temporary::new();
    write(
        place.path().join("state"),
        b"a file where the folder should be",
    );
    let error = refused(options(TEMPLATE, place.state())).await;
    assert!(
        matches!(error, StartError::FolderNotWritable { .. }),
        "{error}"
    );
    let error = refused(options(TEMPLATE, State::Folder("/proc/nowhere".into()))).await;
    assert!(
        matches!(error, StartError::FolderNotWritable { .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_none_is_corrupt() {
    let place = Temporary::new();
    write(
        place.path().join("state/dynamodb.sqlite"),
        "this is not a database ".repeat(100).as_bytes(),
    );
    let error = refused(options(TEMPLATE, place.state())).await;
    assert!(matches!(error, StartError::FolderCorrupt { .. }), "{error}");
    assert!(error.to_string().contains("dynamodb.sqlite"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_a_journal_is_corrupt() {
    let place = Temporary::new();
    let template = support::reader_template(1, "X: x", "BatchSize: 1");
    let journal = place
        .path()
        .join("state/journal/rewind-stream/00000001-00000000.jsonl");
    write(journal, b"nonsense\nnonsense\nnonsense\n");
    let error = refused(options(&template, place.state())).await;
    assert!(matches!(error, StartError::FolderCorrupt { .. }), "{error}");
    assert!(
        error.to_string().contains("00000001-00000000.jsonl"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_another_key_is_named_with_both_keys() {
    let place = Temporary::new();
    start(TEMPLATE, place.state()).await.stop().await;
    let error = refused(options(
        &TEMPLATE.replace("AttributeName: id", "AttributeName: key"),
        place.state(),
    ))
    .await;
    assert!(matches!(error, StartError::TableDiffers { .. }), "{error}");
    assert!(
        error.to_string().contains("(id)") && error.to_string().contains("(key)"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_answer_is_named() {
    let endpoint = Some("http://127.0.0.1:9".to_owned());
    let error = refused(Options {
        endpoint,
        ..options(TEMPLATE, State::Ephemeral)
    })
    .await;
    assert!(matches!(error, StartError::Resource { .. }), "{error}");
    assert!(error.to_string().contains("http://127.0.0.1:9"), "{error}");
}

#[test]
fn a_template_that_is_missing_is_named() {
    let error = Template::read("nowhere/template.yaml").unwrap_err();
    assert!(matches!(&error, TemplateError::Missing { .. }), "{error}");
    assert!(
        error.to_string().contains("nowhere/template.yaml"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_with_an_old_folder_is_quick() {
    let place = Temporary::new();
    start(TEMPLATE, place.state()).await.stop().await;
    let begun = Instant::now();
    let system = start(TEMPLATE, place.state()).await;
    println!("start {:?}", begun.elapsed());
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    system.stop().await;
    println!("stop {:?}", begun.elapsed());
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}
