//! Golden files: every shape that an event was ever stored in, kept beside the
//! code. What is recorded stays as it is for ever; so no change of the code may
//! make an old shape unreadable.

use crate::{
    Change, Mode, Over, Projection, RecordedEvent, Runner, Service, reserved::INPUT_RECEIVED,
};
use std::{collections::BTreeSet, path::Path};

/// Checks that every stored shape in a folder is still read by all that reads
/// its category, and that it fits the schema of its type once it is lifted. A
/// file is one recorded event as `GET /streams/{stream}` and
/// `rewind export` show it, named `<type>.v<schema version>.json`; where a type
/// has several, such as the inputs of several sources, a word of your own
/// stands before `.json`.
///
/// # Panics
///
/// When a file is not readable, a shape is rejected, or the newest shape of a
/// declared type has no file: the message says what to do.
pub fn check(folder: impl AsRef<Path>, service: &Service) {
    let folder = folder.as_ref();
    let mut problems = Vec::new();
    let mut shapes = BTreeSet::new();
    let events = read(folder);
    assert!(!events.is_empty(), "{} holds no shapes", folder.display());
    for (name, event) in &events {
        let version = event.event.schema_version().expect("a schema version");
        let expected = format!("{}.v{version}.", event.event_type());
        if !name.starts_with(&expected) || !name.ends_with(".json") {
            problems.push(format!("{name} holds a shape that is named {expected}json"));
        }
        shapes.insert((event.event_type().to_string(), version));
        let unread = unread(name, event, version, service);
        if unread.is_empty() {
            problems.extend(undeclared(name, event, service));
        }
        problems.extend(unread);
    }
    for declared in service.declared().iter() {
        for (event_type, version) in &declared.types {
            if !shapes.contains(&(event_type.clone(), *version)) {
                problems.push(format!(
                    "the type `{event_type}` of `{}` has no file: add {event_type}.v{version}.json, an event as it is recorded now",
                    declared.category
                ));
            }
        }
    }
    for (event_type, version) in service.upcasters().known() {
        if !shapes.contains(&(event_type.to_string(), version)) {
            problems.push(format!(
                "the shape that an upcaster lifts has no file: {event_type}.v{version}.json, an event as it was recorded then"
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn read(folder: &Path) -> Vec<(String, RecordedEvent)> {
    let files = std::fs::read_dir(folder);
    let files = files.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut events: Vec<(String, RecordedEvent)> = files
        .map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_name().map(|name| name.to_string_lossy().into());
            let text = std::fs::read_to_string(&path);
            let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let event = serde_json::from_str(&text);
            let event = event.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (name.unwrap_or_default(), event)
        })
        .collect();
    events.sort_by(|(a, _), (b, _)| a.cmp(b));
    events
}

/// Who does not read a shape any more.
fn unread(name: &str, event: &RecordedEvent, version: u32, service: &Service) -> Vec<String> {
    let category = event.stream().category();
    let projections = service.projections().iter();
    let projections = projections
        .filter(|projection| projection.reads(category))
        .filter_map(|projection| {
            Some((projection.name.to_string(), rejection(projection, event)?))
        });
    let reactions = service.reactions().iter();
    let reactions = reactions
        .filter(|reaction| reaction.reads(category))
        .filter_map(|known| Some((known.origin.clone(), known.react(event).err()?)));
    let processes = service.runners().iter();
    let processes = processes
        .filter(|runner| runner.reads(category))
        .filter_map(|runner| Some((runner.origin.clone(), untaken(runner, event)?)));
    let event_type = event.event_type();
    let (newest, lifted) = service.upcasters().newest(event_type, version);
    projections
        .chain(reactions)
        .chain(processes)
        .map(|(reader, rejected)| {
            if event_type == INPUT_RECEIVED {
                return format!(
                    "{name} is no longer read by {reader}: {rejected}. Inputs of this shape stay recorded for ever: \
                     let the adapter take both shapes (docs/change-an-event.md)"
                );
            }
            if lifted > version {
                return format!(
                    "{name} is no longer read by {reader}: {rejected}. What its upcasters make of it, `{newest}` of \
                     version {lifted}, does not fit: mend the upcaster, or write the next one (docs/change-an-event.md)"
                );
            }
            format!(
                "{name} is no longer read by {reader}: {rejected}. Events of this shape stay recorded for ever: \
                 give the new shape `schemaversion` {next}, write an Upcaster with TYPE \"{event_type}\" and FROM {version} \
                 that lifts this one, register it with Service::upcaster, and keep this file (docs/change-an-event.md)",
                next = version + 1,
            )
        })
        .collect()
}

/// What a shape has against it beside its readers: its type, its version, or the
/// schema of its data.
fn undeclared(name: &str, event: &RecordedEvent, service: &Service) -> Option<String> {
    let declared = service.declared().get(event.stream().category())?;
    let event_type = event.event_type();
    if service.is_undeclared(event) {
        return Some(format!(
            "{name} is of a type that no enum declares, so that readers pass over it. If `{event_type}` was renamed, \
             write an Upcaster with TO_TYPE; if it is retired, delete this file (docs/change-an-event.md)"
        ));
    }
    if let Err(problem) = service.check(&event.event) {
        let why = problem.as_rejection();
        return Some(format!("{name} is not what its type declares: {why}"));
    }
    let lifted = service.upcasters().lift(event).ok()?;
    let schemas = declared.schemas();
    let schema = schemas.get(lifted.event_type())?;
    let validator = jsonschema::validator_for(schema);
    let validator = validator.unwrap_or_else(|error| panic!("the schema of {name}: {error}"));
    let data = lifted.data().expect("JSON data: it was checked before");
    let errors = validator.iter_errors(&data);
    let why: Vec<String> = errors
        .map(|error| format!("data{}: {error}", error.instance_path()))
        .collect();
    let is_fit = why.is_empty();
    (!is_fit).then(|| {
        format!(
            "{name} does not fit the schema of `{}`, which `rewind schemas` shows: {}",
            lifted.event_type(),
            why.join("; ")
        )
    })
}

fn rejection(projection: &Projection, event: &RecordedEvent) -> Option<crate::Rejection> {
    let keys = match projection.over {
        Over::OneStream => vec![event.stream().id().to_string()],
        Over::ManyStreams => match projection.keys(event) {
            Ok(keys) => keys,
            Err(rejected) => return Some(rejected),
        },
    };
    let changes = [Change::Apply(event)];
    let mut folds = keys.iter().map(|key| projection.fold(key, None, &changes));
    folds.find_map(|folded| folded.rejection)
}

fn untaken(runner: &Runner, event: &RecordedEvent) -> Option<crate::Rejection> {
    match runner.key(event) {
        Ok(Some(journal)) => runner
            .take(&runner.begin(&journal), event, Mode::assumed())
            .err(),
        Ok(None) => None,
        Err(rejected) => Some(rejected),
    }
}
