//! Finds the parts of a deployment by its stack.

use super::{
    explained::Explainer,
    names::{Names, Part},
};
use crate::end::End;
use rewind_aws::wiring::{Clients, Stack};

/// The states in which a stack has the resources that its outputs name. While
/// an update runs they are those from before.
const WHOLE: [&str; 10] = [
    "CREATE_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_IN_PROGRESS",
    "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
];

/// Asks CloudFormation for a stack.
///
/// # Errors
///
/// When it does not answer, or there is no such stack.
pub async fn described(
    clients: &Clients,
    name: &str,
    explainer: &Explainer<'_>,
) -> Result<Stack, End> {
    let stack = clients.stack(name).await;
    let stack = stack.map_err(|error| explainer.explained(None, "", &error.to_string()))?;
    stack.ok_or_else(|| {
        let at = explainer.address("CloudFormation");
        End::Wrong(format!(
            "there is no stack {name} {at}: --stack names it, --region and --profile say where"
        ))
    })
}

/// Takes the names of the parts from a stack's outputs.
///
/// # Errors
///
/// When the stack is not whole, or does not name a needed part.
pub fn named(
    stack: &Stack,
    name: &str,
    names: &Names,
    needed: &[Part],
    explainer: &Explainer<'_>,
) -> Result<Names, End> {
    let at = explainer.address("CloudFormation");
    if !WHOLE.contains(&stack.status.as_str()) {
        let reason = stack.reason.as_deref().filter(|reason| !reason.is_empty());
        let reason = reason.map_or(String::new(), |reason| format!(" ({reason})"));
        let options = options(needed);
        let status = &stack.status;
        return Err(End::Failed(format!(
            "the stack {name} {at} is {status}{reason}: mend or deploy it; parts that are there can be named one by one, with --aws {options} instead of --stack"
        )));
    }
    names.of_stack(&stack.outputs, needed).map_err(|missing| {
        let outputs: Vec<&str> = missing.iter().map(|part| part.output()).collect();
        let (outputs, options) = (outputs.join(", "), options(&missing));
        End::Failed(format!(
            "the stack {name} {at} has no output {outputs}: an older Rewind has deployed it, or something else. Deploy this one's template.yaml, or give the name with {options}"
        ))
    })
}

fn options(parts: &[Part]) -> String {
    let options: Vec<&str> = parts.iter().map(|part| part.option()).collect();
    options.join(", ")
}
