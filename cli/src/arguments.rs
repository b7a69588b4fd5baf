//! Reading the command line. An option means the same before a verb and behind
//! it. A verb that does not have the option refuses it on both sides.

use crate::{
    command_line::Cli,
    end::{End, Outcome},
    out,
};
use clap::{
    Arg, Command, CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};
use std::ffi::OsString;

/// Parses the arguments of the program.
///
/// # Errors
///
/// When they are wrong, or ask for help.
pub fn parse(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches_from(moved(arguments))?;
    let is_given = |name| matches.value_source(name) == Some(ValueSource::CommandLine);
    if is_given("ephemeral") && is_given("dir") {
        let why = "--ephemeral keeps nothing, so it takes no --dir";
        return Err(Cli::command().error(ErrorKind::ArgumentConflict, why));
    }
    Cli::from_arg_matches(&matches)
}

/// Whether the call asks for JSON, even if it is wrong.
pub fn ask_for_json(arguments: &[OsString]) -> bool {
    let mut options = arguments.iter().take_while(|argument| *argument != "--");
    options.any(|argument| argument == "--json")
}

/// The outcome of a call that is wrong or asks for help: it prints the help.
pub fn refused(error: &clap::Error, as_json: bool) -> Outcome {
    if !error.use_stderr() {
        return out::part(format_args!("{error}"));
    }
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
    if !as_json {
        return Err(End::Wrong(text.to_string()));
    }
    // The error comes first, then the usage.
    let detail = text.split("\n\n").next().unwrap_or(text);
    let detail: Vec<&str> = detail.split_whitespace().collect();
    let detail = detail.join(" ");
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => option.split_whitespace().next(),
        _ => None,
    };
    Err(End::Wrong(match option {
        Some(option) => format!("{option}: {detail}"),
        None => detail,
    }))
}

/// Moves the options before the verb behind it, where the verb takes or refuses
/// them.
fn moved(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if let Some(verb) = verb(&arguments)
        && let Some(front) = arguments.get_mut(1..=verb)
    {
        front.rotate_right(1);
    }
    arguments
}

/// The index of the verb, behind options that any verb has. `None` where there
/// is no verb, or an option that no verb has: parsing refuses that.
fn verb(arguments: &[OsString]) -> Option<usize> {
    let mut all = Cli::command();
    all.build();
    let of_verbs = all.get_subcommands().flat_map(Command::get_arguments);
    let options: Vec<&Arg> = all.get_arguments().chain(of_verbs).collect();
    let mut index = 1;
    loop {
        let argument = arguments.get(index)?.to_str();
        let Some(option) = argument.and_then(|text| text.strip_prefix('-')) else {
            return Some(index);
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let is_meant = |known: &&&Arg| match name.strip_prefix('-') {
            Some(long) => known.get_long() == Some(long),
            None => known
                .get_short()
                .is_some_and(|short| name == short.to_string()),
        };
        let option = options.iter().find(is_meant)?;
        // A value that needs a `=` is never the next argument.
        let takes_value = option.get_action().takes_values() && !option.is_require_equals_set();
        index += match takes_value && value.is_none() {
            true => 2,
            false => 1,
        };
    }
}

#[cfg(test)]
mod tests;
