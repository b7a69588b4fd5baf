//! One seed: some rounds of clients and mischief, then quiet, then the checks.

use crate::{
    asker::Asker,
    check::{self, Progress, Seen, Watermarks},
    client::Client,
    clockwork::Clockwork,
    domain,
    settings::{Mischief, Settings},
    trigger::Trigger,
    truth,
    world::{Function, SHARDS, Services, World},
};
use fault_layer::Kind;
use futures::future::{join_all, join4};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind_aws::process::timer::Fired;
use std::{collections::BTreeMap, sync::Arc};

/// How often all that is left is driven before it is said to never end.
const MAX_TURNS: usize = 1000;

/// How many of the worlds are asked for their health before the end, and how many
/// are audited there. Both read most of both tables.
const HEALTH: f64 = 0.3;
const AUDIT: f64 = 0.4;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    pub violations: Vec<String>,
    pub faults: BTreeMap<(Kind, String), u64>,
    pub events: usize,
}

impl Report {
    /// Adds what another run did.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        for (what, times) in other.faults {
            *self.faults.entry(what).or_default() += times;
        }
    }
}

/// Why a run ends early: its report says what is violated.
struct Violated;

type Sound = Result<(), Violated>;

struct Simulation {
    world: Arc<World>,
    dice: SmallRng,
    clients: Vec<Client>,
    askers: Vec<Asker>,
    clockwork: Clockwork,
    triggers: Vec<Trigger>,
    watermarks: Watermarks,
    report: Report,
}

/// Runs a seed.
pub async fn run(services: &Services<'_>, settings: &Settings) -> Report {
    let world = Arc::new(services.world(settings).await);
    if !settings.has(Mischief::Poison) {
        domain::mend(world.id);
    }
    let functions = [Function::Pump, Function::Write, Function::Microservice];
    let triggers = functions
        .into_iter()
        .flat_map(|function| (0..SHARDS).map(move |nth| (function, nth)));
    let simulation = Simulation {
        dice: SmallRng::seed_from_u64(settings.seed ^ 0x51b),
        clients: (0..2).map(|nth| Client::new(&world, nth)).collect(),
        askers: (0..2).map(|nth| Asker::new(&world, nth)).collect(),
        clockwork: Clockwork::new(&world).await,
        triggers: triggers
            .map(|(function, nth)| Trigger::new(&world, function, nth))
            .collect(),
        watermarks: Watermarks::default(),
        report: Report::default(),
        world: world.clone(),
    };
    let report = simulation.run().await;
    services.unmake(&world).await;
    report
}

impl Simulation {
    async fn run(mut self) -> Report {
        // What is wrong once is wrong again later.
        let _ =
            self.work().await.is_ok() && self.rest().await.is_ok() && self.finish().await.is_ok();
        self.report.faults = self.world.faults.counts();
        self.report
    }

    /// Clients and mischief, until what still runs of it has ended.
    async fn work(&mut self) -> Sound {
        let rounds = self.world.settings.rounds;
        // Half of the worlds are mended while all else still goes wrong.
        let mended = self.dice.random_range(0..2 * rounds);
        for nth in 0..rounds {
            if nth == mended {
                domain::mend(self.world.id);
            }
            self.round().await?;
        }
        self.world.faults.stop();
        for trigger in &mut self.triggers {
            trigger.be_good();
            trigger.bury().await;
        }
        for asker in &mut self.askers {
            asker.bury().await;
        }
        self.clockwork.bury().await;
        self.world.faults.settled().await;
        let seen = Seen::look(&self.world).await;
        let mut violations = seen.violations(Progress::Moving);
        if self.dice.random_bool(HEALTH) {
            violations.extend(seen.health(&self.world, false).await);
        }
        let progress = Progress::Moving;
        violations.extend(seen.decisions(&self.world, &self.askers, progress).await);
        self.violate(violations)
    }

    /// No more faults: all that came in is worked off.
    async fn rest(&mut self) -> Sound {
        // Whoever ran until now is dead.
        self.triggers.iter_mut().for_each(Trigger::restart);
        self.askers.iter_mut().for_each(Asker::restart);
        self.clockwork.sweep_all().await;
        self.calm().await?;
        let seen = Seen::look(&self.world).await;
        // The harness itself: a record that the trigger missed would look lost.
        let read: usize = self.pumps().map(Trigger::count).sum();
        let held: usize = seen.incoming.iter().map(Vec::len).sum();
        assert_eq!(read, held, "the trigger has read what `incoming` holds");
        let lost: usize = self.triggers.iter().map(|trigger| trigger.lost).sum();
        // What got lost on the way from the table shows with the next event.
        let progress = match lost {
            0 => Progress::AllButStalled,
            _ => Progress::Any,
        };
        let mut violations = seen.final_violations(&self.clients, progress);
        violations.extend(seen.unpublished(&self.world).await);
        if self.dice.random_bool(HEALTH) {
            violations.extend(seen.health(&self.world, true).await);
        }
        violations.extend(seen.decisions(&self.world, &self.askers, progress).await);
        self.violate(violations)
    }

    /// The domain is mended, and every stream gets one more event.
    async fn finish(&mut self) -> Sound {
        domain::mend(self.world.id);
        // What was lost of streams that are appended to outside of pump comes
        // again: the sweep knows nothing of those before.
        self.clockwork.sweep_anew().await;
        self.calm().await?;
        for till in ["a", "b", "c"] {
            self.askers[0].finish(till).await;
        }
        // A reaction to one category may emit events of the next one.
        for categories in [&["input:feed"][..], &["count", "spread"], &["note"]] {
            let table = truth::table(&self.world).await;
            let is_next = |name: &&String| categories.contains(&name.split_once('-').unwrap().0);
            for stream in table.streams.keys().filter(is_next) {
                self.clients[0].finish(stream).await;
            }
            self.calm().await?;
        }
        self.fire_all().await?;
        let seen = Seen::look(&self.world).await;
        self.report.events = seen.table.streams.values().map(Vec::len).sum();
        let mut violations = seen.final_violations(&self.clients, Progress::All);
        violations.extend(seen.final_health(&self.world).await);
        violations.extend(seen.unpublished(&self.world).await);
        let progress = Progress::All;
        violations.extend(seen.decisions(&self.world, &self.askers, progress).await);
        if self.dice.random_bool(AUDIT) {
            violations.extend(check::audit(&self.world).await);
        }
        self.violate(violations)
    }

    /// Fires deadlines until there are none.
    async fn fire_all(&mut self) -> Sound {
        for _ in 0..MAX_TURNS {
            let fired = self.clockwork.fire().await;
            self.calm().await?;
            if fired == Fired::default() {
                return Ok(());
            }
        }
        self.violate(vec!["deadlines never come to an end".to_string()])
    }

    /// Some of the clients and triggers, at the same time.
    async fn round(&mut self) -> Sound {
        let mut is_chosen = || self.dice.random_bool(0.6);
        let clients = self.clients.iter_mut().filter(|_| is_chosen());
        let clients = join_all(clients.map(Client::turn).collect::<Vec<_>>());
        let triggers = self.triggers.iter_mut().filter(|_| is_chosen());
        let triggers = join_all(triggers.map(Trigger::turn).collect::<Vec<_>>());
        let askers = self.askers.iter_mut().filter(|_| is_chosen());
        let askers = join_all(askers.map(Asker::turn).collect::<Vec<_>>());
        let is_due = self.dice.random_bool(0.6);
        let clockwork = async {
            if is_due {
                self.clockwork.turn().await;
            }
        };
        join4(clients, triggers, askers, clockwork).await;
        let rows = truth::rows(&self.world).await;
        let violations = self.watermarks.moved(&rows);
        self.violate(violations)
    }

    /// Drives everything until nothing is left to do.
    async fn calm(&mut self) -> Sound {
        for _ in 0..MAX_TURNS {
            let turns = join_all(self.triggers.iter_mut().map(Trigger::calm_turn));
            if turns.await.iter().all(|had_work| !had_work) {
                return Ok(());
            }
        }
        self.violate(vec!["it never comes to rest".to_string()])
    }

    fn pumps(&self) -> impl Iterator<Item = &Trigger> {
        let triggers = self.triggers.iter();
        triggers.filter(|trigger| trigger.function == Function::Pump)
    }

    fn violate(&mut self, violations: Vec<String>) -> Sound {
        self.report.violations = violations;
        match self.report.violations.is_empty() {
            true => Ok(()),
            false => Err(Violated),
        }
    }
}
