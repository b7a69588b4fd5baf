//! A bucket that tells a function of new objects: the dead letters.

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use local::template::Notification;
use local::{System, Template};
use serde_json::Value;
use support::{Temporary, idle, kinesis, lines, put, reader_template, start};

/// The function that is told, to be appended to the template of the reader.
fn told(properties: &str) -> String {
    format!(
        r#"
  Told:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: told }} }}
    Properties:
      FunctionName: !Sub "${{AWS::StackName}}-told"
      Events:
        Letter: {{ Type: S3, Properties: {{ {properties} }} }}
"#
    )
}

const OF_BUCKET: &str = "Bucket: !Ref Bucket, Events: 's3:ObjectCreated:*'";

/// A system whose reader gives up on the record `poison` at once. Who is told writes into the file `seen`.
async fn system(place: &Temporary) -> (System, String) {
    let seen = place.file("seen");
    let environment = format!("FAILING: '{}'", STANDARD.encode("poison"));
    let trigger = "BatchSize: 1, MaximumRetryAttempts: 0, \
                   DestinationConfig: { OnFailure: { Type: S3, Destination: !GetAtt Bucket.Arn } }";
    let told = told(OF_BUCKET).replace(
        "      Events:",
        &format!("      Environment: {{ Variables: {{ SEEN: '{seen}' }} }}\n      Events:"),
    );
    let template = reader_template(1, &environment, trigger) + &told;
    (start(&template, place.state()).await, seen)
}

/// What was told of: the key and the size of each object.
fn objects(seen: &str) -> Vec<(String, u64)> {
    let documents = lines(seen);
    let objects = documents.iter().map(|document| {
        let document: Value = serde_json::from_str(document).unwrap();
        let record = &document["Records"][0];
        assert_eq!(record["eventSource"], "aws:s3");
        assert_eq!(record["eventName"], "ObjectCreated:Put");
        assert_eq!(record["s3"]["bucket"]["name"], "rewind-bucket");
        assert_eq!(record["s3"]["bucket"]["arn"], "arn:aws:s3:::rewind-bucket");
        let object = &record["s3"]["object"];
        let key = object["key"].as_str().unwrap();
        (key.to_owned(), object["size"].as_u64().unwrap())
    });
    objects.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_told_of_each_dead_letter() {
    let place = Temporary::new();
    let (system, seen) = system(&place).await;
    let texts = ["good", "poison", "good", "poison"].map(str::to_owned);
    put(&kinesis(&system, "test"), "rewind-stream", "a", &texts).await;
    idle(&system).await;
    let told = objects(&seen);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_ne!(told[0].0, told[1].0);
    let letters = place.path().join("state/dead-letters");
    for (key, bytes) in &told {
        assert!(key.starts_with("rewind-reader/"), "{key}");
        let file = std::fs::read(letters.join(key)).unwrap();
        assert_eq!(file.len() as u64, *bytes);
        let letter: Value = serde_json::from_slice(&file).unwrap();
        assert_eq!(letter["KinesisBatchInfo"]["batchSize"], 1);
    }
    system.stop().await;
    // What was told is not told again.
    let (system, _) = self::system(&place).await;
    idle(&system).await;
    assert_eq!(objects(&seen), told);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_have_been_told_is_told_at_the_next_start() {
    let place = Temporary::new();
    let letters = place.path().join("state/dead-letters");
    let untold = letters.join(".untold/rewind-bucket/rewind-reader");
    std::fs::create_dir_all(&untold).unwrap();
    std::fs::create_dir_all(letters.join("rewind-reader")).unwrap();
    // The system died before it told, before the letter had its place, and
    // while it wrote.
    for name in ["1.json", "2.json"] {
        std::fs::write(untold.join(name), "{}").unwrap();
    }
    std::fs::write(letters.join("rewind-reader/1.json"), "{}").unwrap();
    std::fs::write(untold.join("3.json"), "{\"half").unwrap();
    let (system, seen) = system(&place).await;
    idle(&system).await;
    let mut told = objects(&seen);
    told.sort();
    let expected = ["1", "2"].map(|name| (format!("rewind-reader/{name}.json"), 2));
    assert_eq!(told, expected);
    assert_eq!(
        std::fs::read(letters.join("rewind-reader/2.json")).unwrap(),
        b"{}"
    );
    assert_eq!(std::fs::read_dir(&untold).unwrap().count(), 0);
    system.stop().await;
}

#[test]
fn a_notification_is_read_from_the_template() {
    let parse = |properties: &str| {
        let template = reader_template(1, "X: x", "BatchSize: 1") + &told(properties);
        Template::parse(&template).and_then(|template| template.model("rewind"))
    };
    let model = parse(OF_BUCKET).unwrap();
    let expected = Notification {
        id: "ToldLetter".to_owned(),
        function: "Told".to_owned(),
        bucket: "rewind-bucket".to_owned(),
        events: vec!["s3:ObjectCreated:*".to_owned()],
    };
    assert_eq!(model.notifications, [expected]);
    for (properties, property) in [
        ("Bucket: !Ref Bucket", "Events"),
        ("Bucket: !Ref Bucket, Events: [ObjectCreated]", "Events"),
        (
            "Bucket: rewind-bucket, Events: 's3:ObjectCreated:*'",
            "Bucket",
        ),
        (
            "Bucket: !Ref Bucket, Events: 's3:ObjectCreated:*', Filter: { S3Key: {} }",
            "Filter",
        ),
    ] {
        let wrong = parse(properties).unwrap_err().to_string();
        assert!(wrong.contains(property), "{properties}: {wrong}");
    }
}
