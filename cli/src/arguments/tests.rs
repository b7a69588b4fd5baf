//! The command line as a whole: every option of every verb.

use super::*;
use clap::{Arg, ArgAction, CommandFactory};
use std::collections::BTreeMap;

#[test]
fn the_arguments_of_all_verbs_are_sound() {
    Cli::command().debug_assert();
}

/// The least that a verb has to be called with.
fn call(verb: &clap::Command) -> Vec<String> {
    let mut call = vec![verb.get_name().to_string()];
    for required in verb.get_arguments().filter(|arg| arg.is_required_set()) {
        call.extend(required.get_long().map(|long| format!("--{long}")));
        call.push(value(required.get_id().as_str()));
    }
    if verb.get_name() == "replay" {
        call.extend(["--projection".into(), "carts".into()]);
    }
    call
}

fn value(of: &str) -> String {
    match of {
        "stream" => "cart-1",
        "versions" => "1..2",
        "gateway" => "payments=difference",
        "where" => "owner=1",
        "to" => "microservice",
        "shell" => "bash",
        "language" => "typescript",
        _ => "1",
    }
    .to_string()
}

fn parsed(arguments: Vec<String>) -> Result<(), clap::error::ErrorKind> {
    let all = std::iter::once("rewind".to_string()).chain(arguments);
    let parsed = parse(all.map(OsString::from).collect());
    parsed.map(drop).map_err(|error| error.kind())
}

/// All options of all verbs, each once.
fn options(all: &clap::Command) -> BTreeMap<String, Arg> {
    let of_verbs = all.get_subcommands().flat_map(clap::Command::get_arguments);
    let options = all.get_arguments().chain(of_verbs);
    let named = options.filter_map(|option| Some((option.get_long()?.to_string(), option.clone())));
    named.collect()
}

#[test]
fn an_option_means_the_same_before_a_verb_and_behind_it_or_is_refused_in_both_places() {
    let mut all = Cli::command();
    all.build();
    let options = options(&all);
    let (mut taken, mut refused) = (0, 0);
    for verb in all
        .get_subcommands()
        .filter(|verb| verb.get_name() != "help")
    {
        let call = call(verb);
        assert_eq!(parsed(call.clone()), Ok(()), "{call:?}");
        for (long, option) in &options {
            let said = format!("--{long}");
            let is_help = matches!(option.get_action(), ArgAction::Help | ArgAction::Version);
            if call.contains(&said) || is_help {
                continue;
            }
            let mut said = vec![said];
            // These go with a place on AWS.
            if ["profile", "region"].contains(&long.as_str()) {
                said.insert(0, "--aws".into());
            }
            if option.is_require_equals_set() {
                said = vec![format!("--{long}={}", value(long))];
            } else if option.get_action().takes_values() {
                said.push(value(long));
            }
            let before = parsed([said.clone(), call.clone()].concat());
            let behind = parsed([call.clone(), said.clone()].concat());
            assert_eq!(before, behind, "{said:?} of {call:?}");
            let is_known = verb.get_arguments().any(|own| own.get_long() == Some(long));
            assert_eq!(before.is_ok(), is_known, "{said:?} of {call:?}: {before:?}");
            match is_known {
                true => taken += 1,
                false => refused += 1,
            }
        }
    }
    assert!(
        taken > 100 && refused > 100,
        "{taken} taken, {refused} refused"
    );
}

#[test]
fn an_option_takes_a_value_in_every_verb_or_in_none() {
    let mut all = Cli::command();
    all.build();
    let options = options(&all);
    for verb in all.get_subcommands() {
        for own in verb.get_arguments() {
            let Some(long) = own.get_long() else { continue };
            let takes = |option: &Arg| option.get_action().takes_values();
            assert_eq!(
                takes(own),
                takes(&options[long]),
                "{} --{long}",
                verb.get_name()
            );
        }
    }
}

#[test]
fn help_and_what_nobody_knows_are_as_before_a_verb_so_behind_it() {
    use clap::error::ErrorKind::{DisplayHelp, InvalidSubcommand, UnknownArgument};
    for (arguments, kind) in [
        (&["--help", "verify"] as &[&str], DisplayHelp),
        (&["verify", "-h"], DisplayHelp),
        (&["--nope", "verify"], UnknownArgument),
        (&["verify", "--nope"], UnknownArgument),
        (&["--dir", "d", "verfy"], InvalidSubcommand),
        (&["--port=0", "verify"], UnknownArgument),
    ] {
        let said = arguments.iter().map(ToString::to_string).collect();
        assert_eq!(parsed(said), Err(kind), "{arguments:?}");
    }
    let two = ["--dir=a", "verify", "--dir=b"];
    assert!(parsed(two.map(String::from).to_vec()).is_err());
}
