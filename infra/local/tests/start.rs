//! Starting: what is found again, and one clear line for each thing that is wrong.

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
async fn a_journal_that_is_none_is_corrupt() {
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
