//! What a listener does with one event.

use crate::{
    Error,
    command::commands::{Answer, Commands, Failure},
    data_table::began::Began,
    gateway::{live::Live, log as gateway},
    process::journals::{self, Journals},
    sequence::conflict,
};
use rewind::{
    CallState, Caller, Calling, CloudEvent, Emitted, Kind, LATER, Mode, Reaction, RecordedEvent,
    Rejection, Runner, Service, Silent,
    command::{Command, Refusal},
    journal_listener,
    reserved::{CALL_ANSWERED, CALL_FAILED},
};
use std::{borrow::Cow, sync::Arc};

/// The source of what microservice reports of its own accord.
const SOURCE: &str = "/rewind/microservice";

/// A listener at work.
#[derive(Debug, Clone, Copy)]
pub(super) enum Work<'a> {
    /// An adapter or a rule: it emits.
    Reaction(&'a Reaction),
    /// A process: it takes events of what it watches.
    Process(&'a Runner),
    /// What a process has given, and its deadlines, read from its journals.
    Journal(&'a Runner),
    /// A gateway: it makes the calls of its log, and emits what follows.
    Gateway(&'a Caller),
    /// Decides about the commands that wait.
    Later,
}

/// What listeners need.
#[derive(Debug)]
pub(super) struct Tools {
    pub commands: Arc<Commands>,
    pub journals: Journals,
    pub live: Live,
    pub began: Began,
}

/// Why an event is not done.
pub(super) enum Undone {
    /// The domain refuses it: its stream stalls.
    Refused(Rejection),
    /// A service did not do its part: it comes again.
    Failed(Error),
}

impl From<journals::Failure> for Undone {
    fn from(failure: journals::Failure) -> Self {
        match failure {
            journals::Failure::Aws(error) => Self::Failed(error),
            journals::Failure::Refused(why) => Self::Refused(why),
        }
    }
}

impl From<gateway::Failure> for Undone {
    fn from(failure: gateway::Failure) -> Self {
        match failure {
            gateway::Failure::Aws(error) => Self::Failed(error),
            gateway::Failure::Refused(why) => Self::Refused(why),
        }
    }
}

impl From<Failure> for Undone {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Aws(error) => Self::Failed(error),
            poisoned @ Failure::Poisoned { .. } => {
                Self::Refused(Rejection::new(poisoned.to_string()))
            }
            Failure::Broken(why) => Self::Refused(why),
        }
    }
}

impl<'a> Work<'a> {
    /// All listeners of a service that read a category.
    pub fn of(service: &'a Service, category: &str) -> Vec<Self> {
        let reactions = service.reactions().iter();
        let reactions = reactions.filter(|reaction| reaction.reads(category));
        let mut work: Vec<Self> = reactions.map(Self::Reaction).collect();
        for runner in service.runners() {
            work.extend(runner.reads(category).then_some(Self::Process(runner)));
            work.extend((runner.category == category).then_some(Self::Journal(runner)));
        }
        work.extend(service.caller_of(category).map(Self::Gateway));
        let is_later = category == rewind::reserved::COMMAND_CATEGORY;
        work.extend((is_later && !service.deciders().is_empty()).then_some(Self::Later));
        work
    }

    /// What its checkpoints are named after.
    pub fn origin(&self) -> Cow<'a, str> {
        match self {
            Self::Reaction(reaction) => Cow::Borrowed(&reaction.origin),
            Self::Process(runner) => Cow::Borrowed(&runner.origin),
            Self::Journal(runner) => Cow::Owned(journal_listener(runner.name)),
            Self::Gateway(caller) => Cow::Borrowed(&caller.origin),
            Self::Later => Cow::Borrowed(LATER),
        }
    }

    /// Does an event, which a playback has brought or not. What is returned goes
    /// to `incoming`. To do it again changes nothing.
    pub async fn take(
        &self,
        tools: &Tools,
        event: &RecordedEvent,
        is_replayed: bool,
    ) -> Result<Vec<CloudEvent>, Undone> {
        let origin = self.origin();
        let since = tools.began.since(&origin).await.map_err(Undone::Failed)?;
        let mode = Mode::of(event, since, is_replayed);
        match self {
            Self::Reaction(reaction) => {
                let emitted = reaction.emitted(event).map_err(Undone::Refused)?;
                admitted(tools, emitted, mode).await
            }
            Self::Process(runner) => {
                tools.journals.take(runner, event, mode).await?;
                Ok(Vec::new())
            }
            Self::Gateway(caller) => {
                let is_word = matches!(event.event_type(), CALL_ANSWERED | CALL_FAILED);
                if !is_word {
                    return Ok(Vec::new());
                }
                let log = tools.live.load(event.stream()).await?;
                let emitted = caller.emitted(&log.calls, event);
                admitted(tools, emitted.map_err(Undone::Refused)?, mode).await
            }
            Self::Journal(runner) => {
                let events = std::slice::from_ref(event);
                runner.issued(events).map_err(Undone::Refused)
            }
            Self::Later => decide(&tools.commands, event).await,
        }
    }
}

/// What goes to `incoming` of what follows from an event. Calls are asked for
/// only live. A replay has the answers to queries that were recorded, and goes
/// no further where there is none.
async fn admitted(tools: &Tools, emitted: Emitted, mode: Mode) -> Result<Vec<CloudEvent>, Undone> {
    let Emitted { mut events, calls } = emitted;
    match mode {
        Mode::Live(live) => events.extend(calls.into_iter().map(|call| call.requested(live))),
        Mode::Silent(Silent::Replayed) => {
            for call in &calls {
                answered_before(tools, call).await?;
            }
        }
        Mode::Silent(Silent::Imported | Silent::Before) => {}
    }
    Ok(events)
}

/// Checks that a call of a query was answered.
async fn answered_before(tools: &Tools, call: &Calling) -> Result<(), Undone> {
    let service = tools.commands.service();
    let caller = service.caller_of(call.stream().category());
    let Some(caller) = caller.filter(|caller| caller.kind == Kind::Query) else {
        return Ok(());
    };
    let log = tools.live.load(call.stream()).await?;
    let known = log.calls.get(&call.key());
    match known.is_some_and(|known| known.state == CallState::Done) {
        true => Ok(()),
        false => Err(Undone::Refused(Rejection::new(format!(
            "the log of the gateway {} has no answer to this call, and a replay asks nobody",
            caller.name
        )))),
    }
}

/// Decides about the command that an event brings. What is wrong with a command
/// that was taken is its outcome: whoever sent it asks for that.
async fn decide(commands: &Commands, event: &RecordedEvent) -> Result<Vec<CloudEvent>, Undone> {
    let Some(command) = Command::of(event).map_err(Undone::Refused)? else {
        return Ok(Vec::new());
    };
    let category = command.stream.category();
    let refusal = |name: &str, reason: String| Refusal {
        name: name.into(),
        reason: Rejection::new(reason).reason,
        data: serde_json::json!({}),
    };
    let Some(decider) = commands.service().decider(category) else {
        let why = format!("no aggregate decides about `{category}`");
        commands
            .refuse(&command, refusal("no-aggregate", why))
            .await?;
        return Ok(Vec::new());
    };
    if let Err(problem) = decider.check(&command.command_type, command.data.get()) {
        let why = problem.as_rejection().reason;
        commands
            .refuse(&command, refusal("invalid-command", why))
            .await?;
        return Ok(Vec::new());
    }
    match commands.decide(decider, &command).await? {
        // An import brings what another system has decided.
        Answer::Applied(_) | Answer::Rejected(_) | Answer::OnTheWay => {}
        Answer::NotThere {
            stream,
            expected,
            actual,
        } => {
            let why = format!("{stream} has version {actual}, not {expected}");
            commands
                .refuse(&command, refusal("version-mismatch", why))
                .await?;
        }
        Answer::KeyReused => {
            let id = &command.id;
            tracing::warn!(
                id,
                "a command's key belongs to another one: it is not decided"
            );
            return Ok(conflict::report(SOURCE, &event.event).into_iter().collect());
        }
    }
    Ok(Vec::new())
}
