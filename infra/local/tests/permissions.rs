//! The template's policies, enforced at the embedded endpoints.

mod support;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use axum::http::Request;
use local::State;
use support::{dynamodb, kinesis, send, start};

const TEMPLATE: &str = r#"
Resources:
  Stream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Log:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }, { AttributeName: by, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      GlobalSecondaryIndexes:
        - IndexName: by-author
          KeySchema: [{ AttributeName: by, KeyType: HASH }]
          Projection: { ProjectionType: KEYS_ONLY }
      ResourcePolicy:
        PolicyDocument:
          Statement: [{ Effect: Deny, Principal: "*", Action: ["dynamodb:PutItem", "dynamodb:DeleteItem"], Resource: "*" }]
  Writer:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: writer } }
    Properties:
      FunctionName: writer
      Policies:
        - Statement:
            - { Effect: Allow, Action: "dynamodb:PartiQLInsert", Resource: !GetAtt Log.Arn }
            - { Effect: Allow, Action: "dynamodb:PutItem", Resource: !GetAtt Log.Arn }
            - { Effect: Allow, Action: "dynamodb:Query", Resource: !Sub "${Log.Arn}/index/*" }
            - { Effect: Allow, Action: "kinesis:PutRecord", Resource: !GetAtt Stream.Arn }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_function_does_what_its_policies_say_and_nothing_else() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let (writer, operator) = (
        dynamodb(&system, "writer"),
        dynamodb(&system, "AKIAOPERATOR"),
    );
    let insert = r#"INSERT INTO "rewind-log" VALUE {'id': 'one', 'by': 'me'}"#;
    writer
        .execute_statement()
        .statement(insert)
        .send()
        .await
        .unwrap();
    let again = writer
        .execute_statement()
        .statement(insert)
        .send()
        .await
        .unwrap_err();
    assert_eq!(
        again.code(),
        Some("DuplicateItemException"),
        "errors of the database come through"
    );

    let key = AttributeValue::S("one".to_owned());
    let refused = writer
        .get_item()
        .table_name("rewind-log")
        .key("id", key.clone())
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    assert_eq!(
        refused.message(),
        Some(
            "writer is not authorized to perform dynamodb:GetItem on \
             arn:aws:dynamodb:us-east-1:000000000000:table/rewind-log: \
             no statement of this function's Policies in template.yaml allows it"
        )
    );
    let item = operator
        .get_item()
        .table_name("rewind-log")
        .key("id", key.clone())
        .send()
        .await
        .unwrap();
    assert_eq!(item.item.unwrap()["by"], AttributeValue::S("me".to_owned()));

    // The resource policy also binds the operator, and functions whose policies allow more.
    for client in [&writer, &operator] {
        let refused = client
            .put_item()
            .table_name("rewind-log")
            .item("id", key.clone())
            .send()
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Some("AccessDeniedException"));
    }
    let of_index = writer
        .query()
        .table_name("rewind-log")
        .index_name("by-author");
    let of_index = of_index
        .key_condition_expression("#by = :by")
        .expression_attribute_names("#by", "by");
    let found = of_index
        .expression_attribute_values(":by", AttributeValue::S("me".to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(found.count, 1);
    let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/rewind-log";
    let used = |action: &str, resource: &str| {
        ("writer".to_owned(), action.to_owned(), resource.to_owned())
    };
    assert_eq!(
        system.used_permissions(),
        [
            used("dynamodb:PartiQLInsert", arn),
            used("dynamodb:Query", &format!("{arn}/index/by-author"))
        ]
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kinesis_is_guarded_too() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let writer = kinesis(&system, "writer");
    let data = || aws_sdk_kinesis::primitives::Blob::new("x");
    writer
        .put_record()
        .stream_name("rewind-stream")
        .partition_key("a")
        .data(data())
        .send()
        .await
        .unwrap();
    let refused = writer
        .describe_stream_summary()
        .stream_name("rewind-stream")
        .send()
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    kinesis(&system, "AKIAOPERATOR")
        .describe_stream_summary()
        .stream_name("rewind-stream")
        .send()
        .await
        .unwrap();
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_invokes_only_what_it_may() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let url = format!("{}/2015-03-31/functions/writer/invocations", system.url());
    let signed = "AWS4-HMAC-SHA256 Credential=writer/20261105/us-east-1/lambda/aws4_request, SignedHeaders=host";
    let answer = send(
        Request::post(&url)
            .header("Authorization", signed)
            .body(Body::from("1"))
            .unwrap(),
    )
    .await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.headers["x-amzn-errortype"], "AccessDeniedException");
    assert_eq!(
        send(Request::post(&url).body(Body::from("1")).unwrap())
            .await
            .status,
        200
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_adds_little_to_a_request() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let client = dynamodb(&system, "test");
    let mut times = Vec::new();
    for _ in 0..200 {
        let begun = std::time::Instant::now();
        let key = AttributeValue::S("none".to_owned());
        client
            .get_item()
            .table_name("rewind-log")
            .key("id", key)
            .send()
            .await
            .unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    println!(
        "a GetItem through the front: {:?} at the median",
        times[100]
    );
    assert!(
        times[100] < std::time::Duration::from_millis(30),
        "{:?}",
        times[100]
    );
    system.stop().await;
}

/// The ports that a process listens on.
fn ports_of(pid: u32) -> Vec<u16> {
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok())
        .filter_map(|target| {
            let target = target.to_string_lossy().into_owned();
            Some(
                target
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    const LISTENS: &str = "0A";
    ["tcp", "tcp6"]
        .into_iter()
        .flat_map(|table| {
            let table = std::fs::read_to_string(format!("/proc/{pid}/net/{table}"));
            let lines = table.unwrap_or_default();
            let lines: Vec<Vec<String>> = lines
                .lines()
                .map(|line| line.split_whitespace().map(str::to_owned).collect())
                .collect();
            lines
        })
        .filter(|columns| columns[3] == LISTENS && sockets.contains(&columns[9]))
        .map(|columns| {
            let (_, port) = columns[1].rsplit_once(':').unwrap();
            u16::from_str_radix(port, 16).unwrap()
        })
        .collect()
}

const PROTECTED: &str = r#"
Resources:
  Log:
    Type: AWS::DynamoDB::Table
    Properties:
      DeletionProtectionEnabled: true
      AttributeDefinitions: [{ AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: id, KeyType: HASH }]
      ResourcePolicy:
        PolicyDocument:
          Statement:
            - Effect: Deny
              Principal: "*"
              Action: ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
                "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete", "dynamodb:UpdateTimeToLive"]
              Resource: "*"
"#;

/// All requests that delete or overwrite an item, in all spellings.
fn attacks() -> Vec<(&'static str, serde_json::Value)> {
    use serde_json::json;
    let key = json!({"id": {"S": "one"}});
    let table = "rewind-log";
    let item = json!({"id": {"S": "one"}, "x": {"S": "over"}});
    let statement = |text: &str| json!({"Statement": text});
    let delete = "DELETE FROM \"rewind-log\" WHERE id = 'one'";
    let mut attacks = vec![
        ("DeleteItem", json!({"TableName": table, "Key": key})),
        // Parts of a request that the engine ignores must not confuse the guard.
        (
            "DeleteItem",
            json!({"TableName": table, "Key": key, "IndexName": 5, "Statements": {}}),
        ),
        (
            "DeleteItem",
            json!({"TableName": table, "Key": key, "TransactItems": "x", "ResourceArn": []}),
        ),
        ("PutItem", json!({"TableName": table, "Item": item})),
        (
            "UpdateItem",
            json!({"TableName": table, "Key": key, "UpdateExpression": "SET x = :x",
                "ExpressionAttributeValues": {":x": {"S": "over"}}}),
        ),
        (
            "BatchWriteItem",
            json!({"RequestItems": {table: [{"DeleteRequest": {"Key": key}}]}}),
        ),
        (
            "BatchWriteItem",
            json!({"RequestItems": {table: [{"PutRequest": {"Item": item}}]}}),
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Delete": {"TableName": table, "Key": key}}]}),
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Put": {"TableName": table, "Item": item}}]}),
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Update": {"TableName": table, "Key": key,
                "UpdateExpression": "REMOVE x"}}]}),
        ),
        (
            "BatchExecuteStatement",
            json!({"Statements": [statement(delete)]}),
        ),
        (
            "ExecuteTransaction",
            json!({"TransactStatements": [statement(delete)]}),
        ),
        (
            "UpdateTimeToLive",
            json!({"TableName": table, "TimeToLiveSpecification": {"AttributeName": "x", "Enabled": true}}),
        ),
        ("DeleteTable", json!({"TableName": table})),
    ];
    for text in [
        delete,
        "delete from \"rewind-log\" where id = 'one'",
        "-- select\nDELETE FROM \"rewind-log\" WHERE id = 'one'",
        "/* SELECT * FROM a */DELETE/**/FROM/**/\"rewind-log\" WHERE id = 'one'",
        "UPDATE \"rewind-log\" SET x = 'over' WHERE id = 'one'",
        "FROM \"rewind-log\" WHERE id = 'one' SET x = 'over'",
        "FROM \"rewind-log\" WHERE id = 'one' REMOVE x",
    ] {
        attacks.push(("ExecuteStatement", statement(text)));
    }
    attacks
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_door_to_the_tables_and_it_is_guarded() {
    let place = support::Temporary::new();
    std::fs::write(place.file("template.yaml"), PROTECTED).unwrap();
    let victim = support::Victim::start(&place);
    let ports = ports_of(victim.process.id());
    assert!((3..=4).contains(&ports.len()), "{ports:?}");
    let mut doors = 0;
    for port in ports {
        let url = format!("http://127.0.0.1:{port}/");
        let call = async |operation: &str, body: &serde_json::Value| {
            let request = Request::post(&url)
                .header("content-type", "application/x-amz-json-1.0")
                .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
                .header("x-amz-date", "20261105T000000Z")
                .header(
                    "authorization",
                    "AWS4-HMAC-SHA256 Credential=AKIA/20261105/us-east-1/dynamodb/aws4_request, \
                     SignedHeaders=host, Signature=0",
                );
            send(request.body(Body::from(body.to_string())).unwrap()).await
        };
        let insert = serde_json::json!({"Statement": "INSERT INTO \"rewind-log\" VALUE {'id': 'one', 'x': 'first'}"});
        let is_door = call("ExecuteStatement", &insert).await.status == 200;
        doors += usize::from(is_door);
        for (operation, body) in attacks() {
            let answer = call(operation, &body).await;
            assert!(
                answer.status.is_client_error(),
                "{operation} {body}: {:?}",
                answer.body
            );
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            if is_door {
                // The guard denies it, or the protection of the table does.
                let is_refused = text.contains("denies it to everyone")
                    || text.contains("protected against deletion");
                assert!(is_refused, "{operation} {body}: {text}");
            }
        }
        if is_door {
            let get = serde_json::json!({"TableName": "rewind-log", "Key": {"id": {"S": "one"}}});
            assert_eq!(
                call("GetItem", &get).await.json()["Item"]["x"]["S"],
                "first"
            );
        }
    }
    assert_eq!(doors, 1);
    victim.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_older_than_its_protection_is_protected_from_then_on() {
    let place = support::Temporary::new();
    let before = PROTECTED.replace(
        "DeletionProtectionEnabled: true",
        "DeletionProtectionEnabled: false",
    );
    start(&before, place.state()).await.stop().await;
    let system = start(PROTECTED, place.state()).await;
    let client = dynamodb(&system, "AKIAOPERATOR");
    let refused = client.delete_table().table_name("rewind-log").send().await;
    assert_eq!(refused.unwrap_err().code(), Some("ValidationException"));
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_refuses_is_refused_as_dynamodb_does() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let client = dynamodb(&system, "AKIAOPERATOR");
    let nowhere = client.get_item().table_name("rewind-nowhere");
    let refused = nowhere
        .key("id", AttributeValue::S("x".to_owned()))
        .send()
        .await;
    assert_eq!(
        refused.unwrap_err().code(),
        Some("ResourceNotFoundException")
    );
    let statement = "TRUNCATE TABLE \"rewind-log\"";
    let refused = client.execute_statement().statement(statement).send().await;
    assert_eq!(refused.unwrap_err().code(), Some("ValidationException"));
    let wrong_key = client.get_item().table_name("rewind-log");
    let wrong_key = wrong_key.key("other", AttributeValue::S("x".to_owned()));
    let refused = wrong_key.send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"));
    assert!(refused.message().unwrap().contains("key"), "{refused:?}");
    system.stop().await;
}
