//! Compares the provider's own book with the ledger.

use super::cents;
use crate::check::Problems;
use provider::Provider;
use rewind_aws::audit::report::Counts;
use rewind_cli::client::Client;
use serde_json::Value;
use std::collections::BTreeMap;

/// What was found.
pub struct Checked {
    /// The problems.
    pub problems: Vec<String>,
    /// What the provider says.
    pub provider: String,
    /// What the ledger says.
    pub ledger: String,
}

/// Returns the problems that were found.
pub async fn check(
    payments: u64,
    provider: &Provider,
    client: &Client,
    counts: &Counts,
) -> Result<Checked, String> {
    let mut problems = Problems::default();
    let ledger = ledger(client, &mut problems).await?;
    let book = provider.entries();
    let mut charged: BTreeMap<u64, u64> = BTreeMap::new();
    for (key, entry) in &book {
        let order = entry.body["order"].as_str().and_then(|id| id.parse().ok());
        let order: u64 = order.ok_or_else(|| format!("{key} is for no order: {}", entry.body))?;
        *charged.entry(order).or_default() += entry.acted as u64;
        if entry.body["cents"] != cents(order) {
            problems.add(format!("order {order} is charged {}", entry.body["cents"]));
        }
        let Some(logged) = ledger.get(key) else {
            problems.add(format!("{key} was charged, and is not in the ledger"));
            continue;
        };
        let sent = logged["sent"].as_array().map_or(0, Vec::len);
        if sent < entry.asked {
            let asked = entry.asked;
            problems.add(format!("{key} came {asked} times, and went out {sent}"));
        }
        if logged["sent"][0]["request"]["body"] != entry.body {
            let (sent, came) = (&logged["sent"][0]["request"]["body"], &entry.body);
            problems.add(format!("{key} came as {came}, and went out as {sent}"));
        }
    }
    for order in 0..payments {
        match charged.get(&order) {
            Some(1) => {}
            times => problems.add(format!("order {order} is charged {times:?} times")),
        }
    }
    for (key, entry) in ledger.iter().filter(|(_, entry)| entry["state"] != "done") {
        problems.add(format!("{key} is {}", entry["state"]));
    }
    if ledger.len() != book.len() || counts.calls != payments || counts.open_calls > 0 {
        problems.add(format!(
            "{} calls in the ledger, {} at the provider, {} in the audit, {} of them open",
            ledger.len(),
            book.len(),
            counts.calls,
            counts.open_calls
        ));
    }
    if counts.lagging > 0 || counts.stalled > 0 {
        let (lagging, stalled) = (counts.lagging, counts.stalled);
        problems.add(format!(
            "{lagging} readers of a stream lag, {stalled} are stalled"
        ));
    }
    let health = client.get_ok("/health").await?;
    if health["calls"] != Value::Array(vec![]) {
        problems.add(format!("calls wait: {}", health["calls"]));
    }
    let attempts = ledger.values().map(|entry| &entry["sent"]);
    let attempts: usize = attempts
        .filter_map(|sent| Some(sent.as_array()?.len()))
        .sum();
    let asked: usize = book.values().map(|entry| entry.asked).sum();
    Ok(Checked {
        problems: problems.named(),
        provider: format!("{} payments, asked {asked} times", book.len()),
        ledger: format!("{} calls, {attempts} attempts", ledger.len()),
    })
}

/// All entries of the ledger, by idempotency key.
async fn ledger(
    client: &Client,
    problems: &mut Problems,
) -> Result<BTreeMap<String, Value>, String> {
    let mut entries = BTreeMap::new();
    let mut path = "/gateways/payments/ledger?limit=100".to_string();
    loop {
        let page = client.get_ok(&path).await?;
        for entry in page["entries"].as_array().into_iter().flatten() {
            let call = entry["call"].as_str().unwrap_or_default().to_string();
            if entries.insert(call.clone(), entry.clone()).is_some() {
                problems.add(format!("{call} is in the ledger twice"));
            }
        }
        match page["next"].as_str() {
            Some(next) => path = format!("/gateways/payments/ledger?limit=100&cursor={next}"),
            None => return Ok(entries),
        }
    }
}
