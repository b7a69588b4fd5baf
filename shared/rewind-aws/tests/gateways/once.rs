//! Many payments under deaths, by a provider that loses a tenth of its answers.

use crate::{calls, drain, placed, post};
use provider::{Manner, Provider};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::CallState;
use rewind_aws::audit::{
    report::{Violation, Watch},
    run::Audit,
};
use std::time::Duration;

/// Is told of violations, which the counts hold as well.
struct Nobody;

impl Watch for Nobody {
    fn violation(&mut self, violation: &Violation) {
        eprintln!("{violation:?}");
    }

    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

/// `PAYMENTS` says how many: the project's claim is 10,000.
#[tokio::test]
async fn each_key_is_charged_once_and_each_charge_is_in_the_log() {
    let count = std::env::var("PAYMENTS").map_or(100, |count| count.parse().unwrap());
    let provider = Provider::start();
    provider.behaves(Manner {
        loses: Some(10),
        ..Manner::default()
    });
    let mut post = post(&provider).await;
    let mut dice = SmallRng::seed_from_u64(12);
    let orders: Vec<_> = (0..count)
        .map(|nth: u64| placed(&nth.to_string(), "tea", nth + 1))
        .collect();
    for some in orders.chunks(50) {
        post.pump(some).await;
        // The process dies in the middle of its work, and comes again.
        for _ in 0..3 {
            let life = Duration::from_millis(dice.random_range(5..150));
            let _ = tokio::time::timeout(life, post.settle()).await;
            post.read_again();
        }
    }
    drain(&mut post).await;
    let entries = provider.entries();
    assert_eq!(entries.len() as u64, count, "a key for each payment");
    assert!(entries.values().all(|entry| entry.acted == 1));
    for nth in 0..count {
        let id = nth.to_string();
        let calls = calls(&post, &id).await;
        let all: Vec<_> = calls.iter().collect();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].state, CallState::Done, "{all:?}");
        let entry = &entries[&all[0].key];
        assert_eq!(entry.body["order"], id);
        assert_eq!(
            entry.asked,
            all[0].attempts.len(),
            "each attempt is in the log"
        );
        assert_eq!(post.types(&format!("money-{id}")).await, ["paid"]);
    }
    assert_eq!(post.stalls().await, [] as [String; 0]);
    let audit = Audit::new(post.service.clone(), post.aws.events(), post.aws.data());
    let counts = audit.run(&mut Nobody).await.unwrap();
    assert!(counts.is_clean(), "{counts:?}");
    assert_eq!((counts.calls, counts.open_calls), (count, 0));
    let asked = provider.requests();
    // And again, from the beginning: nobody is asked.
    post.wipe().await;
    let streams =
        (0..count).flat_map(|nth| [format!("order-{nth}"), format!("gateway:payments-{nth}")]);
    post.replay(&streams.collect::<Vec<_>>()).await;
    drain(&mut post).await;
    assert_eq!(provider.requests(), asked);
}
