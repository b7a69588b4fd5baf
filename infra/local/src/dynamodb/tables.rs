//! Creates the template's tables, and compares those that exist with the template.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::operation::update_table::UpdateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection as SdkProjection, ProjectionType, ScalarAttributeType, TableDescription,
    TableStatus,
};
use futures::future::try_join_all;

use crate::error::StartError;
use crate::sdk::reason;
use crate::template::{Index, Key, Projection, Table};

/// How often a new table is described until it is active.
const ATTEMPTS: u32 = 600;

/// Creates the missing tables, and compares the existing ones with the template.
pub(crate) async fn create(
    client: &Client,
    endpoint: &str,
    tables: &[Table],
) -> Result<(), StartError> {
    try_join_all(
        tables
            .iter()
            .map(|table| create_one(client, endpoint, table)),
    )
    .await
    .map(drop)
}

async fn create_one(client: &Client, endpoint: &str, table: &Table) -> Result<(), StartError> {
    let failed = |reason: String| StartError::Resource {
        resource: table.name.clone(),
        endpoint: endpoint.to_owned(),
        reason,
    };
    match describe(client, &table.name).await {
        Ok(Some(found)) => {
            compare(table, &found)?;
            return protect(client, table, &found)
                .await
                .map_err(|error| failed(reason(&error)));
        }
        Ok(None) => {}
        Err(error) => return Err(failed(reason(&error))),
    }
    request(client, table)
        .map_err(|error| failed(error.to_string()))?
        .send()
        .await
        .map_err(|error| failed(reason(&error)))?;
    for _ in 0..ATTEMPTS {
        match describe(client, &table.name).await {
            Ok(Some(found)) if found.table_status() == Some(&TableStatus::Active) => return Ok(()),
            Ok(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            Err(error) => return Err(failed(reason(&error))),
        }
    }
    Err(failed(
        "it does not become active within a minute".to_owned(),
    ))
}

async fn describe(
    client: &Client,
    name: &str,
) -> Result<Option<TableDescription>, SdkError<DescribeTableError>> {
    match client.describe_table().table_name(name).send().await {
        Ok(answer) => Ok(answer.table),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Protects an existing table when the template says so. It never removes a protection.
async fn protect(
    client: &Client,
    table: &Table,
    found: &TableDescription,
) -> Result<(), SdkError<UpdateTableError>> {
    if !table.is_protected || found.deletion_protection_enabled() == Some(true) {
        return Ok(());
    }
    let request = client.update_table().table_name(&table.name);
    request
        .deletion_protection_enabled(true)
        .send()
        .await
        .map(drop)
}

fn request(
    client: &Client,
    table: &Table,
) -> Result<aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder, BuildError>
{
    let attributes = table.attributes.iter().map(|attribute| {
        AttributeDefinition::builder()
            .attribute_name(&attribute.name)
            .attribute_type(ScalarAttributeType::from(attribute.attribute_type.as_str()))
            .build()
    });
    let indexes = table
        .indexes
        .iter()
        .map(index)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .deletion_protection_enabled(table.is_protected)
        .set_attribute_definitions(Some(attributes.collect::<Result<_, _>>()?))
        .set_key_schema(Some(key_schema(&table.key)?))
        .set_global_secondary_indexes((!indexes.is_empty()).then_some(indexes)))
}

fn index(index: &Index) -> Result<GlobalSecondaryIndex, BuildError> {
    let projection = match &index.projection {
        Projection::All => SdkProjection::builder().projection_type(ProjectionType::All),
        Projection::KeysOnly => SdkProjection::builder().projection_type(ProjectionType::KeysOnly),
        Projection::Include(attributes) => SdkProjection::builder()
            .projection_type(ProjectionType::Include)
            .set_non_key_attributes(Some(attributes.clone())),
    };
    GlobalSecondaryIndex::builder()
        .index_name(&index.name)
        .set_key_schema(Some(key_schema(&index.key)?))
        .projection(projection.build())
        .build()
}

fn key_schema(key: &Key) -> Result<Vec<KeySchemaElement>, BuildError> {
    let element = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
    };
    let sort = key.sort.iter().map(|sort| element(sort, KeyType::Range));
    std::iter::once(element(&key.partition, KeyType::Hash))
        .chain(sort)
        .collect()
}

fn compare(table: &Table, found: &TableDescription) -> Result<(), StartError> {
    let differs = |what, found, declared| StartError::TableDiffers {
        table: table.name.clone(),
        what,
        found,
        declared,
    };
    let key = key_of(found.key_schema());
    if key != table.key {
        return Err(differs("key", key.to_string(), table.key.to_string()));
    }
    let mut existing: Vec<String> = found
        .global_secondary_indexes()
        .iter()
        .map(|index| {
            format!(
                "{}{}",
                index.index_name().unwrap_or_default(),
                key_of(index.key_schema())
            )
        })
        .collect();
    let mut declared: Vec<String> = table
        .indexes
        .iter()
        .map(|index| format!("{}{}", index.name, index.key))
        .collect();
    existing.sort();
    declared.sort();
    if existing != declared {
        return Err(differs(
            "indexes",
            format!("[{}]", existing.join(", ")),
            format!("[{}]", declared.join(", ")),
        ));
    }
    Ok(())
}

fn key_of(schema: &[KeySchemaElement]) -> Key {
    let find = |kind| {
        schema
            .iter()
            .find(|element| *element.key_type() == kind)
            .map(|element| element.attribute_name().to_owned())
    };
    Key {
        partition: find(KeyType::Hash).unwrap_or_default(),
        sort: find(KeyType::Range),
    }
}
