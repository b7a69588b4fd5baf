//! Readers without rows: adapters, rules, processes, and what decides later.

use crate::{
    Caller, LATER, Reaction, Runner, Service, journal_listener, reserved::COMMAND_CATEGORY,
};

/// A reader without rows.
pub(super) enum Reader<'a> {
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

impl<'a> Reader<'a> {
    /// All of them that read a category.
    pub fn of(service: &'a Service, category: &str) -> Vec<Self> {
        let reactions = service.reactions().iter();
        let reactions = reactions.filter(|reaction| reaction.reads(category));
        let mut readers: Vec<Self> = reactions.map(Self::Reaction).collect();
        for runner in service.runners() {
            readers.extend(runner.reads(category).then_some(Self::Process(runner)));
            readers.extend((runner.category == category).then_some(Self::Journal(runner)));
        }
        readers.extend(service.caller_of(category).map(Self::Gateway));
        readers.extend((category == COMMAND_CATEGORY).then_some(Self::Later));
        readers
    }

    /// What its checkpoints are named after.
    pub fn name(&self) -> String {
        match self {
            Self::Reaction(reaction) => reaction.origin.clone(),
            Self::Process(runner) => runner.origin.clone(),
            Self::Journal(runner) => journal_listener(runner.name),
            Self::Gateway(caller) => caller.origin.clone(),
            Self::Later => LATER.into(),
        }
    }
}
