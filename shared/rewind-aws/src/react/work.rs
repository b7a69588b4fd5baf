//! What a listener does with one event.

use crate::{
    Error,
    command::commands::{Answer, Commands, Failure},
    process::journals::{self, Journals},
    sequence::conflict,
};
use rewind::{
    CloudEvent, LATER, Reaction, RecordedEvent, Rejection, Runner, Service,
    command::{Command, Refusal},
    journal_listener,
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
    /// Decides about the commands that wait.
    Later,
}

/// What listeners need.
#[derive(Debug)]
pub(super) struct Tools {
    pub commands: Arc<Commands>,
    pub journals: Journals,
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
            Self::Later => Cow::Borrowed(LATER),
        }
    }

    /// Does an event. What is returned goes to `incoming`. To do it again
    /// changes nothing.
    pub async fn take(
        &self,
        tools: &Tools,
        event: &RecordedEvent,
    ) -> Result<Vec<CloudEvent>, Undone> {
        match self {
            Self::Reaction(reaction) => reaction.react(event).map_err(Undone::Refused),
            Self::Process(runner) => {
                tools.journals.take(runner, event).await?;
                Ok(Vec::new())
            }
            Self::Journal(runner) => {
                let events = std::slice::from_ref(event);
                runner.issued(events).map_err(Undone::Refused)
            }
            Self::Later => decide(&tools.commands, event).await,
        }
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
