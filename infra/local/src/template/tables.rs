//! Reads the template's DynamoDB tables.

use super::intrinsics::Resolver;
use super::policies;
use super::properties::Properties;
use super::{Attribute, Index, Key, Projection, Table, TemplateError};

pub(super) fn read(resolver: &Resolver<'_>) -> Result<Vec<Table>, TemplateError> {
    Properties::of_resources(resolver, "AWS::DynamoDB::Table")
        .map(|(logical_id, resource)| table(logical_id, &resource))
        .collect()
}

fn table(logical_id: &str, resource: &Properties<'_, '_>) -> Result<Table, TemplateError> {
    let resolver = resource.resolver();
    let properties = resource.map("Properties");
    let name = resolver.name(logical_id)?;
    if !(3..=255).contains(&name.len()) {
        return Err(properties.wrong("TableName", "a name of 3 to 255 characters was expected"));
    }
    let attributes = properties
        .list("AttributeDefinitions")?
        .iter()
        .map(|item| {
            Ok(Attribute {
                name: item.required("AttributeName")?,
                attribute_type: item.required("AttributeType")?,
            })
        })
        .collect::<Result<Vec<_>, TemplateError>>()?;
    let indexes = properties
        .list("GlobalSecondaryIndexes")?
        .iter()
        .map(|item| {
            Ok(Index {
                name: item.required("IndexName")?,
                key: key(item, &attributes)?,
                projection: projection(&item.map("Projection"))?,
            })
        })
        .collect::<Result<Vec<_>, TemplateError>>()?;
    let policy_document = properties.map("ResourcePolicy").map("PolicyDocument");
    Ok(Table {
        logical_id: logical_id.to_owned(),
        arn: resolver.arn(logical_id)?,
        name,
        key: key(&properties, &attributes)?,
        attributes,
        indexes,
        is_protected: properties
            .boolean("DeletionProtectionEnabled")?
            .unwrap_or(false),
        policy: policies::for_everyone(&policy_document)?,
    })
}

fn key(properties: &Properties<'_, '_>, attributes: &[Attribute]) -> Result<Key, TemplateError> {
    let mut partition = None;
    let mut sort = None;
    for item in properties.list("KeySchema")? {
        let name = item.required("AttributeName")?;
        if !attributes.iter().any(|attribute| attribute.name == name) {
            return Err(item.wrong(
                "AttributeName",
                &format!("AttributeDefinitions does not declare {name}"),
            ));
        }
        match item.required("KeyType")?.as_str() {
            "HASH" => partition = Some(name),
            "RANGE" => sort = Some(name),
            _ => return Err(item.wrong("KeyType", "HASH or RANGE was expected")),
        }
    }
    let partition = partition.ok_or_else(|| properties.wrong("KeySchema", "it has no HASH key"))?;
    Ok(Key { partition, sort })
}

fn projection(properties: &Properties<'_, '_>) -> Result<Projection, TemplateError> {
    match properties.required("ProjectionType")?.as_str() {
        "ALL" => Ok(Projection::All),
        "KEYS_ONLY" => Ok(Projection::KeysOnly),
        "INCLUDE" => Ok(Projection::Include(properties.strings("NonKeyAttributes")?)),
        _ => Err(properties.wrong("ProjectionType", "ALL, KEYS_ONLY or INCLUDE was expected")),
    }
}
