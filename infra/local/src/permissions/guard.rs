//! Decides whether a caller may do something, and remembers what the functions did.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Mutex;

use super::Use;
use super::pattern::{action_fits, fits};
use crate::lock::locked;
use crate::template::{Model, Statement};

/// The policies of the template.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    // By the function's name, which is the access key of its processes.
    functions: HashMap<String, Vec<Statement>>,
    // With the ARN of the resource that the policy belongs to.
    resource_policies: Vec<(String, Statement)>,
    // The partition key's attribute, by the table's ARN.
    partition_keys: HashMap<String, String>,
    used: Mutex<BTreeSet<(String, String, String)>>,
}

/// A use that the template does not allow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    caller: String,
    denied: Use,
    reason: Reason,
}

#[derive(Debug, PartialEq, Eq)]
enum Reason {
    NotAllowed,
    DeniedByPolicy,
    DeniedByResource,
}

impl Guard {
    pub fn new(model: &Model) -> Self {
        let functions = model
            .functions
            .iter()
            .map(|function| (function.name.clone(), function.policies.clone()))
            .collect();
        let resource_policies = model
            .tables
            .iter()
            .flat_map(|table| {
                table
                    .policy
                    .iter()
                    .map(|statement| (table.arn.clone(), statement.clone()))
            })
            .filter(|(_, statement)| !statement.is_allow)
            .collect();
        let partition_keys = model
            .tables
            .iter()
            .map(|table| (table.arn.clone(), table.key.partition.clone()))
            .collect();
        Self {
            functions,
            resource_policies,
            partition_keys,
            used: Mutex::default(),
        }
    }

    /// The partition key's attribute of a table, by its ARN.
    pub fn partition_key(&self, table: &str) -> Option<&str> {
        self.partition_keys.get(table).map(String::as_str)
    }

    /// Checks that a caller may do everything that a request does. Remembers the uses of a function.
    ///
    /// # Errors
    ///
    /// The first use that is denied.
    pub fn check(&self, caller: Option<&str>, uses: &[Use]) -> Result<(), Denied> {
        let policies = caller.and_then(|caller| self.functions.get(caller));
        for wanted in uses {
            let denied = |reason| {
                let mut denied = wanted.clone();
                if !is_by_key(policies) {
                    denied.keys.clear();
                }
                Denied {
                    caller: caller.unwrap_or("anonymous").to_owned(),
                    denied,
                    reason,
                }
            };
            if self
                .resource_policies
                .iter()
                .any(|(arn, statement)| is_of(arn, wanted) && matches(statement, wanted))
            {
                return Err(denied(Reason::DeniedByResource));
            }
            let Some(policies) = policies else { continue };
            if policies
                .iter()
                .any(|statement| !statement.is_allow && matches(statement, wanted))
            {
                return Err(denied(Reason::DeniedByPolicy));
            }
            if !policies
                .iter()
                .any(|statement| statement.is_allow && matches(statement, wanted))
            {
                return Err(denied(Reason::NotAllowed));
            }
        }
        if let (Some(caller), true) = (caller, policies.is_some()) {
            self.remember(caller, uses);
        }
        Ok(())
    }

    /// Every (function name, action, resource) that was used so far.
    pub fn used(&self) -> Vec<(String, String, String)> {
        locked(&self.used).iter().cloned().collect()
    }

    fn remember(&self, caller: &str, uses: &[Use]) {
        let mut used = locked(&self.used);
        for done in uses {
            used.insert((
                caller.to_owned(),
                done.action.clone(),
                done.resource.clone(),
            ));
        }
    }
}

/// Whether a use is of this resource, or of a part of it, such as an index of a table.
fn is_of(arn: &str, wanted: &Use) -> bool {
    wanted
        .resource
        .strip_prefix(arn)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn matches(statement: &Statement, wanted: &Use) -> bool {
    statement
        .actions
        .iter()
        .any(|pattern| action_fits(pattern, &wanted.action))
        && statement
            .resources
            .iter()
            .any(|pattern| fits(pattern, &wanted.resource))
        && is_on_items(statement, wanted)
}

/// Whether keys matter to a caller.
fn is_by_key(policies: Option<&Vec<Statement>>) -> bool {
    let mut policies = policies.into_iter().flatten();
    policies.any(|statement| statement.leading_keys.is_some())
}

/// Whether all items that a use is about are those that a statement means. Where nobody knows the items, they are not.
fn is_on_items(statement: &Statement, wanted: &Use) -> bool {
    let Some(patterns) = &statement.leading_keys else {
        return true;
    };
    let is_meant = |key: &String| patterns.iter().any(|pattern| fits(pattern, key));
    !wanted.keys.is_empty() && wanted.keys.iter().all(is_meant)
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            caller,
            denied,
            reason,
        } = self;
        let Use {
            action,
            resource,
            keys,
        } = denied;
        write!(
            f,
            "{caller} is not authorized to perform {action} on {resource}"
        )?;
        if !keys.is_empty() {
            write!(f, " (keys {})", keys.join(", "))?;
        }
        write!(f, ": ")?;
        match reason {
            Reason::NotAllowed => write!(
                f,
                "no statement of this function's Policies in template.yaml allows it"
            ),
            Reason::DeniedByPolicy => write!(
                f,
                "a statement of this function's Policies in template.yaml denies it"
            ),
            Reason::DeniedByResource => write!(
                f,
                "the resource's own policy in template.yaml denies it to everyone"
            ),
        }
    }
}

#[cfg(test)]
mod beside_iam;
#[cfg(test)]
mod tests;
