//! PartiQL transactions of INSERTs, through the real SDK: all or nothing, with a reason for each statement.

mod support;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::execute_transaction::{
    ExecuteTransactionError, ExecuteTransactionOutput,
};
use aws_sdk_dynamodb::types::{AttributeValue, ParameterizedStatement, Select};
use local::State;
use support::{dynamodb, start};

const TEMPLATE: &str = r#"
Resources:
  Log:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: stream, AttributeType: S }, { AttributeName: version, AttributeType: N }]
      KeySchema: [{ AttributeName: stream, KeyType: HASH }, { AttributeName: version, KeyType: RANGE }]
      ResourcePolicy:
        PolicyDocument:
          Statement:
            - Effect: Deny
              Principal: "*"
              Action: ["dynamodb:PutItem", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete"]
              Resource: "*"
  Other:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{ AttributeName: stream, AttributeType: S }]
      KeySchema: [{ AttributeName: stream, KeyType: HASH }]
  Writer:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: writer } }
    Properties:
      FunctionName: writer
      Policies:
        - Statement:
            - { Effect: Allow, Action: ["dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate"], Resource: !GetAtt Log.Arn }
  Reader:
    Type: AWS::Serverless::Function
    Metadata: { BuildProperties: { Binary: reader } }
    Properties:
      FunctionName: reader
      Policies:
        - Statement: [{ Effect: Allow, Action: "dynamodb:Query", Resource: !GetAtt Log.Arn }]
"#;

fn insert(stream: &str, version: u64) -> ParameterizedStatement {
    let text = r#"INSERT INTO "rewind-log" VALUE {'stream': ?, 'version': ?}"#;
    ParameterizedStatement::builder()
        .statement(text)
        .parameters(AttributeValue::S(stream.to_owned()))
        .parameters(AttributeValue::N(version.to_string()))
        .build()
        .unwrap()
}

fn statement(text: &str) -> ParameterizedStatement {
    ParameterizedStatement::builder()
        .statement(text)
        .build()
        .unwrap()
}

type Answer = Result<ExecuteTransactionOutput, SdkError<ExecuteTransactionError>>;

async fn transact(client: &Client, statements: Vec<ParameterizedStatement>) -> Answer {
    let request = client.execute_transaction();
    request
        .set_transact_statements(Some(statements))
        .send()
        .await
}

/// The codes of the reasons for which a transaction is cancelled.
fn reasons(refused: &ExecuteTransactionError) -> Vec<&str> {
    match refused {
        ExecuteTransactionError::TransactionCanceledException(cancelled) => {
            let reasons = cancelled.cancellation_reasons().iter();
            reasons.map(|reason| reason.code().unwrap()).collect()
        }
        other => panic!("not cancelled: {other:?}"),
    }
}

async fn count(client: &Client) -> i32 {
    let all = client.scan().table_name("rewind-log").select(Select::Count);
    all.send().await.unwrap().count
}

#[tokio::test(flavor = "multi_thread")]
async fn inserts_of_a_transaction_are_all_done_or_none() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let (writer, operator) = (
        dynamodb(&system, "writer"),
        dynamodb(&system, "AKIAOPERATOR"),
    );
    transact(&writer, vec![insert("a", 1), insert("b", 1)])
        .await
        .unwrap();
    assert_eq!(count(&operator).await, 2);
    let cases = [
        (
            vec![insert("c", 1), insert("a", 1)],
            vec!["None", "DuplicateItem"],
        ),
        (
            vec![insert("a", 1), insert("c", 1), insert("b", 1)],
            vec!["DuplicateItem", "None", "DuplicateItem"],
        ),
    ];
    for (statements, expected) in cases {
        let refused = transact(&writer, statements).await.unwrap_err();
        let refused = refused.into_service_error();
        assert_eq!(refused.code(), Some("TransactionCanceledException"));
        assert_eq!(reasons(&refused), expected);
        assert_eq!(count(&operator).await, 2, "nothing is inserted");
    }
    // A key may be there once in a transaction.
    let twice = transact(&writer, vec![insert("d", 1), insert("d", 1)]).await;
    let refused = twice.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationException"), "{refused:?}");
    assert_eq!(count(&operator).await, 2);
    let permission = "dynamodb:PartiQLInsert".to_owned();
    let table = "arn:aws:dynamodb:us-east-1:000000000000:table/rewind-log".to_owned();
    assert_eq!(
        system.used_permissions(),
        [("writer".to_owned(), permission, table)]
    );
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_transactions_at_once_that_insert_one_key_one_is_done() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let operator = dynamodb(&system, "AKIAOPERATOR");
    let rivals = (0..8).map(|nth| {
        let client = operator.clone();
        let own = insert(&format!("own-{nth}"), 1);
        tokio::spawn(async move { transact(&client, vec![own, insert("shared", 1)]).await })
    });
    let answers = futures::future::join_all(rivals).await;
    let (done, refused): (Vec<Answer>, Vec<Answer>) = answers
        .into_iter()
        .map(Result::unwrap)
        .partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (1, 7));
    for answer in refused {
        let refused = answer.unwrap_err().into_service_error();
        assert_eq!(reasons(&refused), ["None", "DuplicateItem"]);
    }
    assert_eq!(count(&operator).await, 2);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_under_the_same_token_is_answered_as_before() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let client = dynamodb(&system, "AKIAOPERATOR");
    let send = async |token: &str, statements: Vec<ParameterizedStatement>| {
        let request = client.execute_transaction().client_request_token(token);
        request
            .set_transact_statements(Some(statements))
            .send()
            .await
    };
    for _ in 0..3 {
        send("one", vec![insert("a", 1), insert("b", 1)])
            .await
            .unwrap();
        assert_eq!(count(&client).await, 2);
    }
    let other = send("one", vec![insert("a", 2)]).await.unwrap_err();
    assert_eq!(other.code(), Some("IdempotentParameterMismatchException"));
    let again = send("two", vec![insert("a", 1)]).await.unwrap_err();
    assert_eq!(reasons(&again.into_service_error()), ["DuplicateItem"]);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_statement_of_a_transaction_is_judged() {
    let system = start(TEMPLATE, State::Ephemeral).await;
    let denied = async |caller: &str, statements: Vec<ParameterizedStatement>, why: &str| {
        let client = dynamodb(&system, caller);
        let refused = transact(&client, statements).await.unwrap_err();
        assert_eq!(refused.code(), Some("AccessDeniedException"), "{refused:?}");
        let message = refused.message().unwrap_or_default();
        assert!(message.contains(why), "{message}");
    };
    denied("reader", vec![insert("a", 1)], "dynamodb:PartiQLInsert").await;
    let elsewhere = statement(r#"INSERT INTO "rewind-other" VALUE {'stream': 'a'}"#);
    denied(
        "writer",
        vec![insert("a", 1), elsewhere],
        "table/rewind-other",
    )
    .await;
    // The table's own policy binds everybody, whatever else is in the transaction.
    let update = r#"UPDATE "rewind-log" SET x = 1 WHERE stream = 'a' AND version = 1"#;
    for caller in ["writer", "AKIAOPERATOR"] {
        let statements = vec![insert("a", 1), statement(update), insert("b", 1)];
        denied(caller, statements, "dynamodb:PartiQLUpdate").await;
    }
    assert_eq!(count(&dynamodb(&system, "AKIAOPERATOR")).await, 0);
    system.stop().await;
}
