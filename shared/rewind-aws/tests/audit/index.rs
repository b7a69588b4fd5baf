//! Entries of the index.

use crate::{
    scene::{Scene, Seen, domain},
    support::event,
};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use rewind::Head;
use rewind_aws::{
    audit::{report::Kind, run::Audit},
    event_table::event_store::Claim,
    sequence::sequencer::Sequencer,
};

#[tokio::test]
async fn an_entry_of_the_index_that_is_not_the_commits_is_reported() {
    let scene = Scene::start().await;
    // An index that knows no lengths, as nobody's template makes it.
    let attribute = |name: &str, kind| {
        let attribute = AttributeDefinition::builder().attribute_name(name);
        attribute.attribute_type(kind).build().unwrap()
    };
    let key = |name: &str, kind| {
        let key = KeySchemaElement::builder().attribute_name(name);
        key.key_type(kind).build().unwrap()
    };
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly);
    let index = GlobalSecondaryIndex::builder()
        .index_name("by-position")
        .key_schema(key("slice", KeyType::Hash))
        .key_schema(key("position", KeyType::Range))
        .projection(keys_only.build())
        .build()
        .unwrap();
    let request = scene.raw.create_table().table_name("lengthless");
    let request = request
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("stream", ScalarAttributeType::S))
        .attribute_definitions(attribute("version", ScalarAttributeType::N))
        .attribute_definitions(attribute("slice", ScalarAttributeType::S))
        .attribute_definitions(attribute("position", ScalarAttributeType::N))
        .key_schema(key("stream", KeyType::Hash))
        .key_schema(key("version", KeyType::Range))
        .global_secondary_indexes(index);
    request.send().await.unwrap();
    let store = scene.aws.clients.event_store("lengthless");
    // One recorded now, one long ago: the sums are about the latter.
    let new = [event("hoard-new", "new", 1)];
    Sequencer::new(store.clone()).record(&new).await;
    let old = event("hoard-old", "old", 1);
    let claim = Claim {
        identity: old.identity(),
        fingerprint: old.fingerprint(),
        stream: old.stream.clone(),
        from: 1,
    };
    store.claim(&[claim]).await;
    let commits = rewind::commit::plan(Head::default(), &[&old], 1000);
    store.append(&[&commits[0]]).await;
    let audit = Audit::new(domain(), store, scene.aws.data());
    let mut seen = Seen::default();
    audit.run(&mut seen).await.unwrap();
    let mut found: Vec<_> = seen.0.iter().map(|v| (v.kind, &*v.place)).collect();
    found.sort_unstable();
    let kind = Kind::NotInIndex;
    assert_eq!(found, [(kind, "hoard-new@1"), (kind, "hoard-old@1")]);
    scene.aws.system.stop().await;
}
