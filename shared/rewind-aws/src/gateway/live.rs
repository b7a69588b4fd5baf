//! Live calls: the calls of a log are made one after the other.
//!
//! Before a request goes out, its `call-sent` stands in the log. So a call that
//! was cut off is seen, and is made again with the same key. While an attempt
//! may be under way, nobody else makes one: an outside that knows no idempotency
//! keys is then asked twice only where a process died.

use super::{
    intent::Intent,
    log::{self, Appended, Failure, Loaded},
    waiting::{Entry, Waiting},
};
use crate::{
    Error,
    append::recorder::Recorder,
    aws::clock::{self, micros, now},
    outside::{Outside, Sent},
};
use rewind::{Again, Call, Caller, Request, Service, StreamName};
use std::time::{Duration, Instant};

/// An attempt that is not answered after its time-out and so much more has died
/// with its process: a clock may be off by two seconds, and its answer takes a
/// few to be recorded.
const GRACE: Duration = Duration::from_secs(5);

/// The first pause between two attempts; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two attempts, but for what the outside asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The pause where nothing says where a gateway goes, or its host may not be
/// called: until an operator mends that.
const UNCONFIGURED: Duration = Duration::from_secs(30);

/// So long a call is tried again. Then it has failed.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// How often a log is read again because others were faster.
const MAX_ATTEMPTS: u32 = 25;

/// Makes the calls of a service's gateways.
#[derive(Debug, Clone)]
pub struct Live {
    pub(super) service: Service,
    pub(super) recorder: Recorder,
    outside: Outside,
}

impl Live {
    /// Makes calls through these transports, and keeps logs through this
    /// recorder.
    pub fn new(service: Service, recorder: Recorder, outside: Outside) -> Self {
        Self {
            service,
            recorder,
            outside,
        }
    }

    /// A log as it stands.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails, or it is no log.
    pub async fn load(&self, stream: &StreamName) -> Result<Loaded, Failure> {
        log::load(&self.recorder.events, stream).await
    }

    /// Makes the calls that wait in a log, one after the other, until none does,
    /// one has to be made later, or the time is up. Says what waits then.
    ///
    /// # Errors
    ///
    /// When a service fails, or it is no log. What was made stands.
    pub async fn work(
        &self,
        caller: &Caller,
        stream: &StreamName,
        entry: Option<&Entry>,
        until: Instant,
    ) -> Result<Option<Waiting>, Failure> {
        let mut known = entry.map(|entry| entry.waiting.clone());
        let since = known.as_ref().map_or_else(micros, |known| known.since);
        let wait = |call: &Call, due: u64, reason: &str| Waiting {
            due,
            since,
            call: call.key.clone(),
            ended: 0,
            reason: reason.into(),
            may_have_acted: false,
        };
        for _ in 0..MAX_ATTEMPTS {
            let loaded = self.load(stream).await?;
            let Some(call) = loaded.calls.next() else {
                return Ok(None);
            };
            let open = call.open();
            let ended = known.take().filter(|known| {
                known.call == call.key && open.map_or(0, |open| open.version) == known.ended
            });
            let is_over = Instant::now() >= until;
            let later = ended.as_ref();
            // What was never tried waits for a configuration, and not for a time.
            let is_early = |known: &&Waiting| known.ended > 0 && known.due > micros();
            if let Some(later) = later.filter(|known| is_over || is_early(known)) {
                return Ok(Some(later.clone()));
            }
            if is_over {
                return Ok(Some(wait(call, micros(), "there was no time for it")));
            }
            if let (Some(open), None) = (open, &ended) {
                let over = open.at + micros_of(self.outside.timeout(caller.name) + GRACE);
                if over > micros() {
                    return Ok(Some(wait(call, over, "an attempt may be under way")));
                }
            }
            let first = call.current().first();
            if first.is_some_and(|first| first.at + micros_of(PATIENCE) < micros()) {
                let why = ended.map_or("an attempt had no end".into(), |ended| ended.reason);
                self.fail(caller, &loaded, call, &format!("tried for a day: {why}"))
                    .await?;
                continue;
            }
            let request = match caller.next_request(&loaded.calls, call) {
                Ok(request) => request,
                Err(why) => {
                    self.fail(caller, &loaded, call, &why.reason).await?;
                    continue;
                }
            };
            if let Some(waits) = self.outside.waits(caller.name, &request) {
                let due = micros() + micros_of(waits.after.unwrap_or(UNCONFIGURED));
                return Ok(Some(match ended {
                    // What is known of the attempt before stays known.
                    Some(ended) => Waiting { due, ..ended },
                    None => wait(call, due, &waits.reason),
                }));
            }
            let again = again(open.is_some(), ended.as_ref());
            match self.attempt(caller, &loaded, call, request, again).await? {
                Attempted::GoOn => {}
                Attempted::Later(later) => {
                    return Ok(Some(Waiting { since, ..later }));
                }
            }
        }
        Err(contended(stream))
    }

    /// Makes one attempt: its intent first, then the request, then what became
    /// of it.
    async fn attempt(
        &self,
        caller: &Caller,
        loaded: &Loaded,
        call: &Call,
        request: Request,
        again: Option<Again>,
    ) -> Result<Attempted, Failure> {
        let run = clock::id();
        if let Some(again) = &again {
            let (gateway, key, because) = (caller.name, &call.key, &again.because);
            let may_have_acted = again.may_have_acted;
            tracing::warn!(
                gateway,
                key,
                because,
                may_have_acted,
                "a call is made again"
            );
        }
        let attempt = call.next_attempt();
        let sent = match caller.sent(call, &request, (&run, now()), again) {
            Ok(sent) => sent,
            Err(why) => {
                self.fail(caller, loaded, call, &why.reason).await?;
                return Ok(Attempted::GoOn);
            }
        };
        let stands = match log::append(&self.recorder, loaded, &sent).await? {
            Appended::Yes(stands) => stands,
            // Its answer may have been lost.
            Appended::Unclear => {
                let now = self.load(&call.asked_by.event.stream).await?;
                match now.has_sent(&call.key, &run) {
                    Some(stands) => stands,
                    None => return Ok(Attempted::GoOn),
                }
            }
        };
        let intent = Intent::new(call, request, &run, stands);
        match intent.send(&self.outside, caller.name).await {
            Sent::Answered(answer) => {
                let event = caller.answered_event(call, attempt, &answer, now());
                self.settle(&call.asked_by.event.stream, call, &event)
                    .await?;
                Ok(Attempted::GoOn)
            }
            Sent::Never { reason } => {
                let event = caller.failed_event(call, &reason, now());
                self.settle(&call.asked_by.event.stream, call, &event)
                    .await?;
                Ok(Attempted::GoOn)
            }
            Sent::Later {
                reason,
                after,
                may_have_acted,
            } => {
                let pause = pause(call.current().len(), after);
                let stream = &call.asked_by.event.stream;
                let version = self.version_of(stream, &call.key, &run).await?;
                Ok(Attempted::Later(Waiting {
                    due: micros() + micros_of(pause),
                    since: 0,
                    call: call.key.clone(),
                    ended: version,
                    reason,
                    may_have_acted,
                }))
            }
        }
    }

    /// The version of an attempt of our own.
    async fn version_of(&self, stream: &StreamName, key: &str, run: &str) -> Result<u64, Failure> {
        let loaded = self.load(stream).await?;
        let call = loaded.calls.get(key);
        let open = call.and_then(Call::open);
        let own = open.filter(|open| open.sent.run == run);
        Ok(own.map_or(0, |own| own.version))
    }

    /// Records what became of an attempt, unless somebody has recorded how the
    /// request ended.
    async fn settle(
        &self,
        stream: &StreamName,
        call: &Call,
        event: &rewind::CloudEvent,
    ) -> Result<(), Failure> {
        let nth = call.answers.len();
        for _ in 0..MAX_ATTEMPTS {
            let loaded = self.load(stream).await?;
            let now = loaded.calls.get(&call.key);
            if now.is_none_or(|now| now.answers.len() > nth || is_given_up(now, event)) {
                return Ok(());
            }
            if let Appended::Yes(_) = log::append(&self.recorder, &loaded, event).await? {
                return Ok(());
            }
        }
        Err(contended(stream))
    }

    /// Gives a call up.
    async fn fail(
        &self,
        caller: &Caller,
        loaded: &Loaded,
        call: &Call,
        reason: &str,
    ) -> Result<(), Failure> {
        let (gateway, key) = (caller.name, &call.key);
        tracing::warn!(gateway, key, reason, "a call has failed");
        let event = caller.failed_event(call, reason, now());
        log::append(&self.recorder, loaded, &event).await?;
        Ok(())
    }
}

pub(super) fn contended(stream: &StreamName) -> Failure {
    let what = format!("the log {stream}");
    let attempts = MAX_ATTEMPTS;
    Error::Contended { what, attempts }.into()
}

/// What an attempt has come to.
enum Attempted {
    /// The log says it.
    GoOn,
    /// It has to be made again.
    Later(Waiting),
}

/// Why a request goes out again, where it does.
fn again(is_open: bool, ended: Option<&Waiting>) -> Option<Again> {
    match (is_open, ended) {
        (false, _) => None,
        (true, Some(ended)) => Some(Again {
            because: ended.reason.clone(),
            may_have_acted: ended.may_have_acted,
        }),
        (true, None) => Some(Again {
            because: "nobody knows what became of the attempt before: its process has died".into(),
            may_have_acted: true,
        }),
    }
}

/// Whether a call is given up already, where an event would give it up.
fn is_given_up(call: &Call, event: &rewind::CloudEvent) -> bool {
    let fails = event.event_type == rewind::reserved::CALL_FAILED;
    fails && call.state != rewind::CallState::Waits
}

/// The pause before the next attempt, where `made` were made before this one:
/// exponential with jitter, and no shorter than the outside asks for.
fn pause(made: usize, after: Option<Duration>) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << made.min(16));
    let pause = doubled.min(LONGEST_PAUSE);
    let pause = pause.mul_f64(rand::random_range(0.5..=1.0));
    after.map_or(pause, |after| pause.max(after))
}

fn micros_of(duration: Duration) -> u64 {
    duration.as_micros() as u64
}
