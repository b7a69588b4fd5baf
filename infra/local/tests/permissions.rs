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

    // The resource policy binds everyone, the operator included, whatever a function's policies say.
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
