//! The names that schemas of the document have in TypeScript.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where the document has its schemas.
const PLACE: &str = "#/components/schemas/";

/// What `runtime.ts` and the language name themselves, where a domain could.
const TAKEN: [&str; 44] = [
    "Accepted",
    "Applied",
    "Array",
    "BatchItem",
    "Cancel",
    "Category",
    "Command",
    "CommandCategory",
    "CommandData",
    "CommandOptions",
    "Date",
    "Error",
    "EventData",
    "EventType",
    "GatewayName",
    "InputSource",
    "LedgerOptions",
    "NewEvent",
    "NotSigned",
    "Options",
    "Outcome",
    "Past",
    "Pending",
    "Posted",
    "Problem",
    "ProjectionName",
    "Promise",
    "Readonly",
    "Record",
    "Recorded",
    "RecordedEvent",
    "Rejected",
    "Reversal",
    "Rewind",
    "Row",
    "RowOf",
    "RowOptions",
    "RowsOptions",
    "SentCategory",
    "SignedRequest",
    "TailOptions",
    "Tailed",
    "URL",
    "UntypedEvent",
];

/// The schemas that are written down, by their names in the document.
pub(super) struct Names(BTreeMap<String, String>);

impl Names {
    /// Names for these schemas of a document, and for all that they refer to.
    pub(super) fn of(schemas: &Value, roots: &[String]) -> Self {
        let mut found = BTreeSet::new();
        let mut open: Vec<String> = roots.to_vec();
        while let Some(name) = open.pop() {
            let schema = &schemas[&name];
            if schema.is_null() || !found.insert(name) {
                continue;
            }
            referred(schema, &mut open);
        }
        let mut taken: BTreeSet<String> = TAKEN.iter().map(ToString::to_string).collect();
        let mut names = BTreeMap::new();
        // The API's own come first: their names stay, whatever the domain has.
        let (own, domains): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| !it.contains('.'));
        for component in own.into_iter().chain(domains) {
            let base = pascal(&component);
            let numbered = (2..).map(|nth| format!("{base}{nth}"));
            let mut names_of_it = std::iter::once(base.clone()).chain(numbered);
            let name = names_of_it.find(|name| !taken.contains(name));
            let name = name.unwrap_or(base);
            taken.insert(name.clone());
            names.insert(component, name);
        }
        Self(names)
    }

    /// All schemas with their names.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter();
        all.map(|(component, name)| (component.as_str(), name.as_str()))
    }

    /// The name of a schema.
    pub(super) fn name(&self, component: &str) -> Option<&str> {
        self.0.get(component).map(String::as_str)
    }

    /// The name of what is referred to.
    pub(super) fn referred(&self, reference: &str) -> Option<&str> {
        self.name(reference.strip_prefix(PLACE)?)
    }
}

fn referred(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str().filter(|_| name == "$ref") {
                    Some(reference) => found.extend(reference.strip_prefix(PLACE).map(Into::into)),
                    None => referred(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| referred(item, found)),
        _ => {}
    }
}

/// `data.poll.vote-cast` is `PollVoteCast`, a command's data ends with `Data`.
fn pascal(component: &str) -> String {
    let parts: Vec<&str> = component.split('.').collect();
    let (parts, end): (Vec<&str>, &str) = match parts.as_slice() {
        ["data", category, "type", inner @ ..] => ([&[*category], inner].concat(), ""),
        ["data", rest @ ..] => (rest.to_vec(), ""),
        ["command", category, "data", rest @ ..] => ([&[*category], rest].concat(), "Data"),
        ["command", category, "type", inner @ ..] => ([&[*category], inner].concat(), ""),
        all => (all.to_vec(), ""),
    };
    let words = parts
        .iter()
        .flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric()));
    let mut name = String::new();
    for word in words {
        let mut chars = word.chars();
        name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(chars.as_str());
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        name.insert(0, 'T');
    }
    name + end
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_say_the_category_and_are_used_once() {
        let schemas = json!({
            "data.poll.vote-cast": {"$ref": "#/components/schemas/data.poll.type.Choice"},
            "data.poll.type.Choice": {},
            "data.poll.vote_cast": {},
            "data.row.1": {},
            "command.poll.data.stop": {},
            "Health": {},
            "unused": {},
        });
        let roots = [
            "data.poll.vote-cast",
            "data.poll.vote_cast",
            "data.row.1",
            "command.poll.data.stop",
            "Health",
        ];
        let names = Names::of(&schemas, &roots.map(Into::into));
        let all: Vec<_> = names.all().collect();
        assert_eq!(
            all,
            [
                ("Health", "Health"),
                ("command.poll.data.stop", "PollStopData"),
                ("data.poll.type.Choice", "PollChoice"),
                ("data.poll.vote-cast", "PollVoteCast"),
                ("data.poll.vote_cast", "PollVoteCast2"),
                ("data.row.1", "Row1"),
            ]
        );
    }
}
