//! Reads the template's IAM policies.

use serde_json::Value;

use super::properties::Properties;
use super::{Statement, TemplateError};

/// What a function's role may do: its inline `Policies`, or those of the role that its `Role` names.
///
/// It does not read managed policies and SAM's policy templates: the template does not contain what they allow.
pub(super) fn of_function(
    properties: &Properties<'_, '_>,
) -> Result<Vec<Statement>, TemplateError> {
    let mut statements = Vec::new();
    let is_list = properties.raw("Policies").is_array();
    for policy in if is_list {
        properties.list("Policies")?
    } else {
        Vec::new()
    } {
        statements.extend(of_document(&policy)?);
    }
    let role = match properties.raw("Role") {
        Value::Object(intrinsic) => intrinsic["Fn::GetAtt"][0].as_str(),
        _ => None,
    };
    if let Some(role) = role.map(str::to_owned) {
        statements.extend(of_role(properties, &role)?);
    }
    Ok(statements)
}

fn of_role(properties: &Properties<'_, '_>, role: &str) -> Result<Vec<Statement>, TemplateError> {
    let resolver = properties.resolver();
    let mut statements = Vec::new();
    for (logical_id, resource) in Properties::of_resources(resolver, "AWS::IAM::Role") {
        if logical_id == role {
            for policy in resource.map("Properties").list("Policies")? {
                statements.extend(of_document(&policy.map("PolicyDocument"))?);
            }
        }
    }
    Ok(statements)
}

/// The statements of a resource policy for every principal.
pub(super) fn for_everyone(document: &Properties<'_, '_>) -> Result<Vec<Statement>, TemplateError> {
    let mut statements = Vec::new();
    for statement in document.list("Statement")? {
        let is_for_all = match statement.value("Principal")? {
            Value::String(principal) => principal == "*",
            Value::Object(principals) => match principals.get("AWS") {
                Some(Value::Array(principals)) => principals.iter().any(|name| name == "*"),
                principal => principal.is_some_and(|name| name == "*"),
            },
            _ => false,
        };
        if is_for_all {
            statements.extend(read(&statement)?);
        }
    }
    Ok(statements)
}

fn of_document(document: &Properties<'_, '_>) -> Result<Vec<Statement>, TemplateError> {
    let mut statements = Vec::new();
    for statement in document.list("Statement")? {
        statements.extend(read(&statement)?);
    }
    Ok(statements)
}

fn read(properties: &Properties<'_, '_>) -> Result<Option<Statement>, TemplateError> {
    let is_allow = match properties.required("Effect")?.as_str() {
        "Allow" => true,
        "Deny" => false,
        _ => return Err(properties.wrong("Effect", "Allow or Deny was expected")),
    };
    // Of conditions, only the one on keys is evaluated. A denial without its condition would refuse too much, so it is
    // ignored.
    if !is_allow && !properties.raw("Condition").is_null() {
        return Ok(None);
    }
    let condition = properties.map("Condition");
    let leading_keys = ["ForAllValues:StringLike", "ForAllValues:StringEquals"]
        .into_iter()
        .map(|operator| condition.map(operator).strings("dynamodb:LeadingKeys"))
        .find(|keys| keys.as_ref().map_or(true, |keys| !keys.is_empty()))
        .transpose()?;
    let actions = properties.strings("Action")?;
    if actions.is_empty() {
        return Err(properties.wrong(
            "Action",
            "the local system reads statements that name their actions",
        ));
    }
    Ok(Some(Statement {
        is_allow,
        actions,
        resources: properties.strings("Resource")?,
        leading_keys,
    }))
}
