//! Processes that die anywhere, and requests that fail in every way, by seed.

use crate::{
    bank::{Bank, ask, keyed, loaded},
    domain::AccountCommand::{self, Deposit, Open, Transfer, Withdraw},
    support::impatient,
};
use fault_layer::{Faults, Plan};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::{RecordedEvent, command::Command};
use rewind_aws::command::commands::Answer;
use std::{collections::BTreeMap, time::Duration};

const ACCOUNTS: u64 = 5;
const COMMANDS: u64 = 60;
const CLIENTS: u64 = 4;

#[tokio::test]
async fn each_key_has_one_outcome_and_all_that_is_recorded_is_published() {
    for seed in 0..6 {
        torn(seed).await;
    }
}

async fn torn(seed: u64) {
    let mut bank = Bank::start().await;
    let faults = Faults::new(Plan::new(seed, 0.08));
    let clients = bank.aws.clients.clone();
    let clients = clients.map_config(|config| impatient(faults.around(config), 2));
    let clients = (0..CLIENTS).map(|nth| client(&bank, &clients, seed * 100 + nth));
    let told = futures::future::join_all(clients).await;
    faults.stop();
    faults.settled().await;
    // What no client was told is asked for once more.
    let commands = bank.commands();
    let mut outcomes: BTreeMap<String, Answer> = BTreeMap::new();
    for (command, answer) in told.into_iter().flatten() {
        let now = ask(&commands, &command).await.unwrap();
        if let Some(answer) = answer {
            assert_eq!(now, answer, "seed {seed}: {} has one outcome", command.id);
        }
        let known = outcomes.insert(command.id.clone(), now.clone());
        assert!(known.is_none_or(|known| known == now), "seed {seed}");
    }
    // The events are those of the accepted outcomes, each once.
    let mut expected: Vec<(String, u64)> = Vec::new();
    for answer in outcomes.values() {
        if let Answer::Applied(events) = answer {
            let places = events.iter().map(|e| (e.stream().to_string(), e.version));
            expected.extend(places);
        }
    }
    expected.sort();
    let mut recorded: Vec<RecordedEvent> = Vec::new();
    for nth in 0..ACCOUNTS {
        recorded.extend(bank.recorded(&format!("account-{nth}")).await);
    }
    let mut found: Vec<(String, u64)> = recorded
        .iter()
        .map(|event| (event.stream().to_string(), event.version))
        .collect();
    found.sort();
    assert_eq!(found, expected, "seed {seed}");
    for id in outcomes.keys() {
        let own = bank.recorded(&format!("rewind:command-{id}")).await;
        assert!(own.len() <= 1, "seed {seed}: {own:?}");
        recorded.extend(own);
    }
    for nth in 0..ACCOUNTS {
        let (warm, fresh) = (loaded(&commands, &nth.to_string()).await.0, bank.commands());
        assert_eq!(
            loaded(&fresh, &nth.to_string()).await.0,
            warm,
            "seed {seed}"
        );
    }
    let late = std::time::SystemTime::now() + Duration::from_secs(600);
    let late = late.duration_since(std::time::UNIX_EPOCH).unwrap();
    bank.sweep()
        .sweep_at(late.as_micros() as u64)
        .await
        .unwrap();
    let published = bank.published().await;
    for event in recorded {
        let stream = published.get(event.stream().as_str());
        let found = stream.and_then(|stream| stream.get(&event.version));
        assert_eq!(found, Some(&event), "seed {seed}: it is published");
    }
}

/// A client that sends each command one to three times, to processes that die.
async fn client(
    bank: &Bank,
    clients: &rewind_aws::wiring::Clients,
    seed: u64,
) -> Vec<(Command, Option<Answer>)> {
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut told = Vec::new();
    let mut commands = bank.commands_over(clients);
    for nth in 0..COMMANDS / CLIENTS {
        let own = dice.random_range(0..ACCOUNTS);
        let id = own.to_string();
        let cents = dice.random_range(1..20);
        let asked: AccountCommand = match dice.random_range(0..6) {
            0 => Open {
                email: format!("{}@b", dice.random_range(0..ACCOUNTS)),
            },
            1 | 2 => Deposit { cents },
            3 => Withdraw { cents },
            _ => Transfer {
                to: ((own + dice.random_range(1..ACCOUNTS)) % ACCOUNTS).to_string(),
                cents,
                at: None,
            },
        };
        let command = keyed(&format!("{seed}-{nth}"), &id, &asked);
        let mut answer = None;
        for _ in 0..dice.random_range(1..=3) {
            let life = Duration::from_millis(dice.random_range(1..60));
            match tokio::time::timeout(life, ask(&commands, &command)).await {
                Ok(Ok(now)) => {
                    if let Some(before) = &answer {
                        assert_eq!(&now, before, "{} is answered alike", command.id);
                    }
                    answer = Some(now);
                }
                Ok(Err(_)) => {}
                // It died: another process is asked.
                Err(_) => commands = bank.commands_over(clients),
            }
        }
        told.push((command, answer));
    }
    told
}
