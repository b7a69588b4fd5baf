//! Payments instead of events: many clients place orders, whose money the shop
//! asks of a provider that loses a tenth of its answers, while microservice is
//! killed. At the end each order is charged once by the provider's own count,
//! each attempt is in the log, and no replay asks the provider again.

mod check;
mod replays;

use crate::{Args, audit, faults, kills, memory, tables, wait_until_published};
use futures::{StreamExt, TryStreamExt, stream};
use local::{Options, System};
use provider::{Manner, Provider};
use rewind_cli::{
    client::Client,
    exit::{End, Outcome},
    progress,
};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The function that calls outside, and is killed.
const MICROSERVICE: &str = "microservice";

/// One of so many answers of the provider is lost.
const LOSES: usize = 10;

/// How long a minute of the schedule takes, which looks at the calls whose
/// processes have died.
const MINUTE: Duration = Duration::from_secs(5);

/// How long the last call may take, once all orders are accepted, and how much
/// longer for each payment: a call whose process dies is looked at each minute.
const PATIENCE: Duration = Duration::from_secs(300);
const PATIENCE_PER_PAYMENT: Duration = Duration::from_millis(250);

/// The time between two looks at the provider's book.
const INTERVAL: Duration = Duration::from_secs(1);

/// Starts the provider, and lets the system's gateway go to it.
pub fn provider(options: &mut Options) -> Result<Provider, End> {
    let provider = Provider::start();
    provider.behaves(Manner {
        loses: Some(LOSES),
        ..Manner::default()
    });
    let payments = json!({"http": {"url": provider.url, "timeout_seconds": 1}});
    let gateways = json!({ "payments": payments }).to_string();
    let parameters = [
        ("Gateways".to_string(), gateways),
        ("OutsideHosts".to_string(), "127.0.0.1".to_string()),
    ];
    let template = options.template.clone().with_parameters(parameters);
    options.template = template.map_err(|error| End::Failed(error.to_string()))?;
    options.schedule_unit = MINUTE;
    Ok(provider)
}

/// Places orders, and checks what became of their payments.
pub async fn torture(
    args: &Args,
    seed: u64,
    system: &Arc<System>,
    log: &faults::Log,
    provider: &Provider,
) -> Outcome {
    let killer = kills::start(system, args.kill_every, seed, Some(MICROSERVICE));
    let memory = memory::start(system);
    let started = Instant::now();
    let client = Client::new(system.url());
    place(args, &client).await?;
    let accepted_after = started.elapsed();
    let charged = wait_until_charged(args.payments, provider).await;
    let charged_after = started.elapsed();
    let killed = killer.stop().await;
    let tables = tables(system).await?;
    let quiet = wait_until_published(args.payments, system, &tables).await;
    let (quiet_after, peaks) = (started.elapsed(), memory.stop().await);
    println!(
        "took      {:.1} s to accept, {:.1} s to charge ({:.0} payments/s), {:.1} s to quiet",
        accepted_after.as_secs_f64(),
        charged_after.as_secs_f64(),
        args.payments as f64 / charged_after.as_secs_f64(),
        quiet_after.as_secs_f64(),
    );
    for (function, peak) in peaks {
        println!("memory    {function} at most {peak}");
    }
    println!("faults    {}", log.counts(killed)?);
    let counts = audit(&tables).await?;
    let checked = check::check(args.payments, provider, &client, &counts).await?;
    println!("provider  {}", checked.provider);
    println!("ledger    {}", checked.ledger);
    for problem in &checked.problems {
        println!("{problem}");
    }
    charged?;
    quiet?;
    if !counts.is_clean() || !checked.problems.is_empty() {
        return Err(End::Refused("violations were found".into()));
    }
    replays::replay(system, &client, provider).await?;
    println!("Each order is charged once, each attempt is in the log, and no replay asks again.");
    Ok(())
}

/// Places all orders, each until it is accepted.
async fn place(args: &Args, client: &Client) -> Outcome {
    let bar = progress::bar("accepted", args.payments);
    let orders = (0..args.payments).map(|nth| {
        let bar = &bar;
        async move {
            let order = json!({
                "applies": "now", "source": "web", "profile": "private",
                "order_id": nth.to_string(),
                "lines": [{"product_id": "tea", "quantity": 1, "cents": cents(nth)}],
            });
            let placed = client.post_ok("/inputs/orders", "application/json", &order, 202);
            placed.await?;
            bar.inc(1);
            Ok::<_, String>(())
        }
    });
    let placed = stream::iter(orders).buffer_unordered(args.clients as usize);
    let placed = placed.try_collect::<Vec<()>>().await;
    bar.finish_and_clear();
    placed?;
    Ok(())
}

/// What an order costs.
fn cents(nth: u64) -> u64 {
    100 + nth
}

/// Waits until the provider knows all payments, while microservice is killed.
async fn wait_until_charged(payments: u64, provider: &Provider) -> Outcome {
    let patience = PATIENCE + PATIENCE_PER_PAYMENT.saturating_mul(payments as u32);
    let bar = progress::bar("charged", payments);
    let started = Instant::now();
    loop {
        let charged = provider.keys() as u64;
        bar.set_position(charged);
        if charged >= payments || started.elapsed() > patience {
            bar.finish_and_clear();
            return match charged >= payments {
                true => Ok(()),
                false => Err(End::Refused(format!(
                    "{charged} of {payments} payments have reached the provider after {} s",
                    patience.as_secs()
                ))),
            };
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
