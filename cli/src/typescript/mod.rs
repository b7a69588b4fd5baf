//! `rewind client typescript`: writes a typed client of the program's own
//! domain, one file without dependencies. It reads no deployment.
//!
//! The types are those of the OpenAPI document; what works with them is
//! `runtime.ts`, which is the same for every domain.

mod names;
mod schema;

use crate::{
    domain::Domain,
    end::{End, Outcome},
    out::{self, say},
};
use clap::{Args as ClapArgs, ValueEnum};
use names::Names;
use query::describe;
use rewind::{Service, reserved::is_reserved_category};
use serde_json::Value;
use std::{
    io::{self, Write},
    path::PathBuf,
};

/// What is the same for every domain.
const RUNTIME: &str = include_str!("runtime.ts");

/// The schemas of the API that the client uses, beside those of the domain.
const USED: [&str; 8] = [
    "ApproveRequestBody",
    "Difference",
    "Health",
    "LedgerLine",
    "Playback",
    "PlaybackRequestBody",
    "ReversalAccepted",
    "ReversalRequestBody",
];

/// For what the client is, and where it is written to.
#[derive(ClapArgs)]
pub struct Args {
    /// The language of the client.
    language: Language,
    /// A file to write to, instead of standard output.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A language that clients are written in.
#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Typescript,
}

/// Writes the client.
pub fn run(args: &Args, domain: Domain) -> Outcome {
    let Language::Typescript = args.language;
    let client = client(&domain());
    let Some(path) = &args.out else {
        let mut out = io::stdout().lock();
        let written = out.write_all(client.as_bytes());
        return out::written(written.and_then(|()| out.flush()));
    };
    let unwritten = |error| End::Failed(format!("{} cannot be written: {error}", path.display()));
    std::fs::write(path, client).map_err(unwritten)?;
    say!("{}", path.display())
}

/// The client of a service.
fn client(service: &Service) -> String {
    let document = describe::openapi(service);
    let schemas = &document["components"]["schemas"];
    let mut roots: Vec<String> = USED.iter().map(ToString::to_string).collect();
    let events = events(service, &mut roots);
    let commands = commands(service, &mut roots);
    let names = Names::of(schemas, &roots);
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "// A client of this deployment of Rewind, written by `rewind client typescript`\n// (Rewind {version}). Do not edit it: write it again when the domain changes.\n/* eslint-disable */\n\n"
    );
    text.push_str("// The domain's events and commands, and shapes of the API.\n\n");
    for (component, name) in names.all() {
        let schema = &schemas[component];
        text.push_str(&schema::comment(schema, ""));
        let shape = schema::shape(schema, &names);
        text.push_str(&format!("export type {name} = {shape};\n\n"));
    }
    let about = "The data of each event type, by category.";
    text.push_str(&map("EventData", about, &events, &names));
    let about = "The data of each command, by the category of its aggregate.";
    text.push_str(&map("CommandData", about, &commands, &names));
    text.push_str("/** A category whose events the domain declares. */\n");
    text.push_str("export type Category = keyof EventData & string;\n\n");
    text.push_str("/** A category that an aggregate decides about. */\n");
    text.push_str("export type CommandCategory = keyof CommandData & string;\n\n");
    let sent = events.iter().map(|(category, _)| *category);
    let sent = sent.filter(|name| !service.is_decided(name) && !is_reserved_category(name));
    text.push_str(&union(
        "SentCategory",
        "A category that clients send events of.",
        sent,
    ));
    let projections = service.projections().iter();
    text.push_str(&union(
        "ProjectionName",
        "A projection.",
        projections.map(|projection| projection.name),
    ));
    let callers = service.callers().iter();
    text.push_str(&union(
        "GatewayName",
        "A gateway.",
        callers.map(|caller| caller.name),
    ));
    text.push_str(&union(
        "InputSource",
        "A source that has an adapter.",
        service.inputs(),
    ));
    text.push_str(RUNTIME);
    text
}

/// Types by category, each with the schema of its data.
type Types<'a> = Vec<(&'a str, Vec<(String, String)>)>;

fn events<'a>(service: &'a Service, roots: &mut Vec<String>) -> Types<'a> {
    let declared = service.declared().iter();
    let all = declared.map(|declared| {
        let types = declared.types.keys().map(|event_type| {
            let schema = describe::event_data(declared.category, event_type);
            (event_type.clone(), schema)
        });
        (declared.category, types.collect::<Vec<_>>())
    });
    collected(all, roots)
}

fn commands<'a>(service: &'a Service, roots: &mut Vec<String>) -> Types<'a> {
    let deciders = service.deciders().iter();
    let all = deciders.map(|decider| {
        let types = decider.commands.iter().map(|command_type| {
            let schema = describe::command_data(decider.category, command_type);
            (command_type.clone(), schema)
        });
        (decider.category, types.collect::<Vec<_>>())
    });
    collected(all, roots)
}

fn collected<'a>(
    all: impl Iterator<Item = (&'a str, Vec<(String, String)>)>,
    roots: &mut Vec<String>,
) -> Types<'a> {
    let all: Types<'a> = all.collect();
    let schemas = all.iter().flat_map(|(_, types)| types);
    roots.extend(schemas.map(|(_, schema)| schema.clone()));
    all
}

/// An interface: by category, by type, the type of the data.
fn map(name: &str, about: &str, all: &Types<'_>, names: &Names) -> String {
    let mut text = format!("/** {about} */\nexport interface {name} {{\n");
    for (category, types) in all {
        text.push_str(&format!("  {}: {{\n", quoted(category)));
        for (of_type, schema) in types {
            let data = names.name(schema).unwrap_or("unknown");
            text.push_str(&format!("    {}: {data};\n", quoted(of_type)));
        }
        text.push_str("  };\n");
    }
    text + "}\n\n"
}

/// A type that is one of some texts.
fn union<'a>(name: &str, about: &str, all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<String> = all.map(quoted).collect();
    let all = match all.is_empty() {
        true => "never".to_string(),
        false => all.join(" | "),
    };
    format!("/** {about} */\nexport type {name} = {all};\n\n")
}

/// A text as TypeScript has it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
