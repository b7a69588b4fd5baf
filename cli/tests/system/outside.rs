//! The shop's payments go to a provider over HTTP while functions are killed: it
//! counts what reaches it.

use crate::{
    calls::rewind_in,
    client::Client,
    support::{rewind_with, start, stream, wait_for},
};
use local::State;
use provider::{Manner, Provider};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

const JSON: &str = "application/json";

/// So often all processes of microservice are killed.
const KILLS: usize = 8;

fn gateways(provider: &Provider) -> [(String, String); 2] {
    let http = json!({"http": {"url": provider.url, "timeout_seconds": 1, "credentials": "pay"}});
    let gateways = json!({ "payments": http }).to_string();
    let hosts = "127.0.0.1".to_string();
    [
        ("Gateways".into(), gateways),
        ("OutsideHosts".into(), hosts),
    ]
}

fn order(nth: usize) -> Value {
    json!({
        "applies": "now", "source": "web", "profile": "private", "order_id": nth.to_string(),
        "lines": [{"product_id": "tea", "quantity": 1, "cents": 100 + nth}],
    })
}

/// Lets the schedule look, as it does each minute.
async fn look(client: &Client) {
    let path = "/2015-03-31/functions/rewind-microservice/invocations";
    let _ = client.post(path, JSON, r#"{"sweep": {}}"#.into()).await;
}

/// All entries of the ledger, by call.
async fn ledger(client: &Client) -> BTreeMap<String, Value> {
    let mut entries = BTreeMap::new();
    let mut path = "/gateways/payments/ledger?limit=20".to_string();
    loop {
        let page = client.get_ok(&path).await.unwrap();
        for entry in page["entries"].as_array().unwrap() {
            let call = entry["call"].as_str().unwrap().to_string();
            assert_eq!(entries.insert(call, entry.clone()), None, "once");
        }
        match page["next"].as_str() {
            Some(next) => path = format!("/gateways/payments/ledger?limit=20&cursor={next}"),
            None => return entries,
        }
    }
}

/// `PAYMENTS` says how many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_are_made_once_while_functions_are_killed() {
    let count: usize = std::env::var("PAYMENTS").map_or(40, |count| count.parse().unwrap());
    let provider = Provider::start();
    provider.behaves(Manner {
        loses: Some(10),
        ..Manner::default()
    });
    let dir = tempfile::tempdir().unwrap();
    let secrets = dir.path().join("secrets.json");
    std::fs::write(&secrets, json!({"pay": "sesame"}).to_string()).unwrap();
    let state = dir.path().join("state");
    let (system, url) = rewind_with(&state, |command| {
        for (name, value) in gateways(&provider) {
            command.arg("--parameter").arg(format!("{name}={value}"));
        }
        command.arg("--secrets").arg(&secrets);
    });
    let client = Client::new(url);
    let pid = system.0.id().to_string();
    for nth in 0..count {
        let order = order(nth);
        let posted = client.post_ok("/inputs/orders", JSON, &order, 202);
        posted.await.unwrap();
    }
    let end = Instant::now() + Duration::from_secs(60 + 2 * count as u64);
    let mut kills = 0;
    loop {
        if kills < KILLS {
            let kill = ["-9", "-P", &pid, "-f", "function microservice"];
            let killed = Command::new("pkill").args(kill).status().unwrap();
            kills += usize::from(killed.success());
            tokio::time::sleep(Duration::from_millis(1200)).await;
        } else {
            look(&client).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let entries = ledger(&client).await;
        let is_done = entries.values().all(|entry| entry["state"] == "done");
        if entries.len() == count && is_done {
            break;
        }
        assert!(Instant::now() < end, "{entries:#?}");
    }
    let entries = ledger(&client).await;
    let booked = provider.entries();
    assert_eq!(booked.len(), count, "a key for each payment");
    for (key, entry) in &booked {
        assert_eq!(entry.acted, 1, "{entry:?}");
        let sent = entries[key]["sent"].as_array().unwrap();
        assert!(sent.len() >= entry.asked, "each attempt is in the log");
        assert_eq!(entries[key]["sent"][0]["request"]["body"], entry.body);
    }
    for nth in 0..count {
        let row = format!("/projections/payments/{nth}");
        wait_for(&client, &row, |row| row["state"]["status"] == "confirmed").await;
        assert_eq!(stream(&client, &format!("payment-{nth}")).await.len(), 2);
    }
    // What is on the list and done is taken off when it is looked at.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        look(&client).await;
        let health = client.get_ok("/health").await.unwrap();
        if health["calls"] == json!([]) {
            break;
        }
        assert!(Instant::now() < end, "{health}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // A full replay asks nobody, and the audit is clean.
    let asked = provider.requests();
    let says = |call: &[&str]| {
        let mut command = rewind_in(dir.path(), call);
        let output = command.arg("--dir").arg(&state).output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
    };
    let replayed = says(&["replay", "--to", "microservice"]);
    assert!(replayed.contains("is completed"), "{replayed}");
    let difference = "payments=difference";
    let compared = says(&["replay", "--gateway", difference, "--dry-run"]);
    assert!(compared.contains("0 to send: "), "{compared}");
    let compared = says(&["ledger", "payments", "--compare", "--json"]);
    let same = compared.matches(r#""replay":{"differs":null}"#);
    assert_eq!(same.count(), count, "{compared}");
    let retried = says(&["retry", "payments", "1"]);
    assert!(
        retried.contains("no call of gateway:payments-1"),
        "{retried}"
    );
    let verified = says(&["verify"]);
    assert!(verified.contains("No violation."), "{verified}");
    assert_eq!(provider.requests(), asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_a_gateway_that_goes_nowhere_wait_and_are_told() {
    let (system, client) = start(State::Ephemeral).await;
    let order = order(1);
    let posted = client.post_ok("/inputs/orders", JSON, &order, 202);
    posted.await.unwrap();
    let health = wait_for(&client, "/health", |health| health["calls"] != json!([]));
    let waits = &health.await["calls"][0];
    assert_eq!(
        (&waits["gateway"], &waits["logs"]),
        (&json!("payments"), &json!(1))
    );
    assert_eq!(waits["reason"], "GATEWAYS names no gateway payments");
    let page = client
        .get_ok("/gateways/payments/ledger?key=1")
        .await
        .unwrap();
    assert_eq!(page["entries"][0]["state"], "waits");
    for (path, status) in [
        ("/gateways/nobody/ledger", 404),
        ("/gateways/payments/ledger?cursor=x", 400),
        ("/gateways/payments/ledger?limit=0", 400),
        ("/gateways/payments/ledger?compare=yes", 400),
        ("/playbacks/none/differences", 404),
    ] {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    for (body, status) in [(json!({"key": "2"}), 404), (json!({"keys": "1"}), 422)] {
        let answer = client.post("/gateways/payments/retry", JSON, body.to_string());
        assert_eq!(answer.await.unwrap().status, status, "{body}");
    }
    let retried = client.post("/gateways/payments/retry", JSON, r#"{"key": "1"}"#.into());
    let retried = retried.await.unwrap();
    assert_eq!(
        (retried.status, &retried.body["retried"]),
        (202, &json!([])),
        "it waits"
    );
    system.stop().await;
}
