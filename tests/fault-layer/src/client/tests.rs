use super::*;
use crate::Plan;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// A service that does everything, and remembers what arrived.
#[derive(Debug, Clone, Default)]
struct Service(Arc<Mutex<Vec<Value>>>);

impl HttpConnector for Service {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        self.0.lock().unwrap().push(body);
        HttpConnectorFuture::ready(answers::answer(200, &json!({ "Responses": [] })))
    }
}

impl Service {
    fn arrived(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// A service behind faults of one kind, one for each request.
fn behind(kind: Kind) -> (Service, Faults, FaultyConnector) {
    let mut plan = Plan::new(7, 1.0);
    plan.kinds = vec![kind];
    let (service, faults) = (Service::default(), Faults::new(plan));
    let connector = FaultyConnector {
        inner: SharedHttpConnector::new(service.clone()),
        faults: faults.clone(),
    };
    (service, faults, connector)
}

/// A transaction of two inserts.
fn transaction() -> HttpRequest {
    let statement = json!({ "Statement": "INSERT INTO \"events\" VALUE {'stream': 'a'}" });
    let body = json!({ "TransactStatements": [statement, statement], "ClientRequestToken": "t" });
    let mut request = HttpRequest::new(SdkBody::from(body.to_string()));
    let headers = request.headers_mut();
    headers.insert("x-amz-target", "DynamoDB_20120810.ExecuteTransaction");
    request
}

async fn said(answer: &mut HttpResponse) -> (u16, Value) {
    let status = answer.status().as_u16();
    let text = text_of(answer).await.unwrap();
    (status, serde_json::from_slice(&text).unwrap())
}

#[tokio::test]
async fn a_transaction_meets_another_one_or_is_in_progress() {
    let (service, faults, connector) = behind(Kind::Partial);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..100 {
        let before = service.arrived();
        let (status, answer) = said(&mut connector.call(transaction()).await.unwrap()).await;
        assert_eq!(status, 400);
        let code = answer["__type"].as_str().unwrap().rsplit('#').next();
        let code = code.unwrap().to_owned();
        // What is said to be in progress is done afterwards.
        faults.settled().await;
        let done = service.arrived() - before;
        if code == "TransactionCanceledException" {
            let reasons = answer["CancellationReasons"].as_array().unwrap();
            assert_eq!((reasons.len(), done), (2, 0), "{answer}");
            let of_conflicts = |reason: &&Value| reason["Code"] == "TransactionConflict";
            assert!(reasons.iter().filter(of_conflicts).count() > 0, "{answer}");
        } else {
            assert_eq!((&*code, done), ("TransactionInProgressException", 1));
        }
        *seen.entry(code).or_default() += 1;
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    let counted = (Kind::Partial, "ExecuteTransaction".to_owned());
    assert_eq!(faults.counts(), BTreeMap::from([(counted, 100)]));
}

#[tokio::test]
async fn a_transaction_whose_answer_is_lost_is_done() {
    let (service, _, connector) = behind(Kind::AnswerLost);
    let answer = connector.call(transaction()).await;
    assert!(answer.unwrap_err().is_io());
    assert_eq!(service.arrived(), 1);
    let (service, _, connector) = behind(Kind::RequestLost);
    assert!(connector.call(transaction()).await.unwrap_err().is_io());
    assert_eq!(service.arrived(), 0);
}
