use super::*;
use rewind::testing::{Asked, Given, given};

const SOON: &str = "2026-02-01T00:00:00Z";

fn created() -> ApplicationEvent {
    ApplicationEvent::ApplicationCreated {
        owner: "ann".into(),
        name: "weather".into(),
        plan: Plan::Free,
    }
}

fn added(product: &str) -> ApplicationEvent {
    let product = product.into();
    ApplicationEvent::ApiProductAdded { product }
}

fn removed(product: &str) -> ApplicationEvent {
    let product = product.into();
    ApplicationEvent::ApiProductRemoved { product }
}

fn generated(credential: &str) -> ApplicationEvent {
    ApplicationEvent::CredentialGenerated {
        credential: credential.into(),
        expires: SOON.parse().unwrap(),
    }
}

fn expired(credential: &str) -> ApplicationEvent {
    let credential = credential.into();
    ApplicationEvent::CredentialExpired { credential }
}

fn deleted(products: &[&str]) -> ApplicationEvent {
    ApplicationEvent::ApplicationDeleted {
        owner: "ann".into(),
        products: products.iter().map(ToString::to_string).collect(),
    }
}

fn changed_owner(from: &str, to: &str) -> ApplicationEvent {
    let (owner, from) = (to.into(), from.into());
    ApplicationEvent::OwnerChanged { owner, from }
}

fn create(owner: &str, name: &str) -> ApplicationCommand {
    ApplicationCommand::CreateApplication {
        owner: owner.into(),
        name: name.into(),
        plan: Plan::Free,
    }
}

fn add(product: &str) -> ApplicationCommand {
    let product = product.into();
    ApplicationCommand::AddApiProduct { product }
}

fn remove(product: &str) -> ApplicationCommand {
    let product = product.into();
    ApplicationCommand::RemoveApiProduct { product }
}

fn change_owner(owner: &str) -> ApplicationCommand {
    let owner = owner.into();
    ApplicationCommand::ChangeOwner { owner }
}

fn generate(credential: &str) -> ApplicationCommand {
    ApplicationCommand::GenerateCredential {
        credential: credential.into(),
        expires: SOON.parse().unwrap(),
    }
}

fn expire(credential: &str) -> ApplicationCommand {
    let credential = credential.into();
    ApplicationCommand::ExpireCredential { credential }
}

fn application() -> Given<ApplicationEvent> {
    given([created(), added("maps")])
}

fn gone() -> Given<ApplicationEvent> {
    application().and("1", [deleted(&["maps"])])
}

fn taken(owner: &str) -> Vec<Unique> {
    vec![unique("name", &(owner, "weather"))]
}

#[test]
fn an_application_is_created_and_takes_its_name() {
    let asked = || given([]).when(create("ann", "weather"));
    asked().then([created()]);
    asked().then_unique(&taken("ann"), &[]);
}

#[test]
fn a_plan_is_free_unless_the_command_says_otherwise() {
    let data = serde_json::json!({"CreateApplication": {"owner": "ann", "name": "weather"}});
    let read: ApplicationCommand = serde_json::from_value(data).unwrap();
    assert_eq!(read, create("ann", "weather"));
}

#[test]
fn an_application_is_created_once() {
    let again = application().when(create("ann", "other"));
    again.then_rejected(ApplicationRejection::AlreadyCreated);
    let again = gone().when(create("ann", "weather"));
    again.then_rejected(ApplicationRejection::Deleted);
}

#[test]
fn a_text_that_is_empty_long_or_of_control_characters_is_rejected() {
    let long = "x".repeat(MAX_TEXT + 1);
    for text in ["", "a\nb", &long] {
        let says = |asked: Asked<Application>, field| {
            asked.then_rejected(ApplicationRejection::InvalidText { field });
        };
        says(given([]).when(create(text, "weather")), "owner");
        says(given([]).when(create("ann", text)), "name");
        says(application().when(add(text)), "product");
        says(application().when(change_owner(text)), "owner");
        says(application().when(generate(text)), "credential");
    }
    let longest = "x".repeat(MAX_TEXT);
    application().when(add(&longest)).then([added(&longest)]);
}

#[test]
fn every_command_needs_an_application_that_is_there() {
    let commands = || {
        let plan = Plan::Paid;
        [
            add("maps"),
            remove("maps"),
            ApplicationCommand::ChangePlan { plan },
            change_owner("bob"),
            generate("key"),
            expire("key"),
            ApplicationCommand::DeleteApplication,
        ]
    };
    for command in commands() {
        let asked = given([]).when(command);
        asked.then_rejected(ApplicationRejection::NotCreated);
    }
    for command in commands() {
        let asked = gone().when(command);
        asked.then_rejected(ApplicationRejection::Deleted);
    }
}

#[test]
fn an_api_product_is_added_once() {
    application().when(add("mail")).then([added("mail")]);
    let again = application().when(add("maps"));
    let product = "maps".to_string();
    again.then_rejected(ApplicationRejection::ProductAlreadyAdded { product });
    let back = application().and("1", [removed("maps")]);
    back.when(add("maps")).then([added("maps")]);
}

#[test]
fn an_application_uses_a_limited_number_of_api_products() {
    let many = (0..MAX_PARTS).map(|nth| added(&nth.to_string()));
    let full = given([created()]).and("1", many);
    let asked = full.when(add("one more"));
    asked.then_rejected(ApplicationRejection::TooManyProducts { most: MAX_PARTS });
}

#[test]
fn only_an_api_product_that_is_used_is_removed() {
    application().when(remove("maps")).then([removed("maps")]);
    let product = "mail".to_string();
    let asked = application().when(remove("mail"));
    asked.then_rejected(ApplicationRejection::NoSuchProduct { product });
}

#[test]
fn a_plan_changes_to_another_one() {
    let plan = Plan::Paid;
    let asked = application().when(ApplicationCommand::ChangePlan { plan });
    asked.then([ApplicationEvent::PlanChanged { plan }]);
    let plan = Plan::Free;
    let asked = application().when(ApplicationCommand::ChangePlan { plan });
    asked.then_rejected(ApplicationRejection::SamePlan { plan });
}

#[test]
fn the_name_of_an_application_moves_to_its_new_owner() {
    let asked = || application().when(change_owner("bob"));
    asked().then([changed_owner("ann", "bob")]);
    asked().then_unique(&taken("bob"), &taken("ann"));
    let owner = "ann".to_string();
    let asked = application().when(change_owner("ann"));
    asked.then_rejected(ApplicationRejection::SameOwner { owner });
}

#[test]
fn a_credential_is_generated_once_under_its_name() {
    let asked = application().when(generate("key"));
    asked.then([generated("key")]);
    for history in [
        vec![generated("key")],
        vec![generated("key"), expired("key")],
    ] {
        let credential = "key".to_string();
        let asked = application().and("1", history).when(generate("key"));
        asked.then_rejected(ApplicationRejection::CredentialExists { credential });
    }
}

#[test]
fn expired_credentials_leave_room_for_new_ones() {
    let many = (0..MAX_PARTS).map(|nth| generated(&nth.to_string()));
    let full = application().and("1", many);
    let most = MAX_PARTS;
    let asked = full.when(generate("key"));
    asked.then_rejected(ApplicationRejection::TooManyCredentials { most });
    let asked = full.and("1", [expired("0")]).when(generate("key"));
    asked.then([generated("key")]);
}

#[test]
fn a_credential_expires_once() {
    let with_key = application().and("1", [generated("key")]);
    with_key.when(expire("key")).then([expired("key")]);
    let asked = with_key.and("1", [expired("key")]).when(expire("key"));
    let credential = "key".to_string();
    asked.then_rejected(ApplicationRejection::AlreadyExpired { credential });
    let credential = "key".to_string();
    let asked = application().when(expire("key"));
    asked.then_rejected(ApplicationRejection::NoSuchCredential { credential });
}

#[test]
fn a_deleted_application_says_what_it_used_and_gives_its_name_back() {
    let moved = application().and("1", [changed_owner("bob", "ann")]);
    let asked = || moved.when(ApplicationCommand::DeleteApplication);
    asked().then([deleted(&["maps"])]);
    asked().then_unique(&[], &taken("ann"));
}

#[test]
fn a_reversed_event_did_not_happen() {
    let plan = Plan::Paid;
    let changed = application().and("1", [ApplicationEvent::PlanChanged { plan }]);
    let reversed = changed.reversed("application-1", 3);
    let asked = reversed.when(ApplicationCommand::ChangePlan { plan });
    asked.then([ApplicationEvent::PlanChanged { plan }]);
}

#[test]
fn what_depends_on_an_event_is_named_before_that_is_reversed() {
    let service = rewind::Service::new().aggregate::<Application>();
    let history = application().and("1", [changed_owner("ann", "bob"), removed("maps")]);
    let events: Vec<_> = history.events().iter().collect();
    assert_eq!(service.first_rejected("application", &events), None);
    let without = [events[0], events[2], events[3]];
    let (version, why) = service.first_rejected("application", &without).unwrap();
    assert_eq!(
        (version, &*why.reason),
        (4, "the application does not use the API product maps")
    );
    // It says what it used, and would say something else.
    let history = application().and("1", [deleted(&["maps"])]);
    let events: Vec<_> = history.events().iter().collect();
    let (version, _) = service
        .first_rejected("application", &[events[0], events[2]])
        .unwrap();
    assert_eq!(version, 3);
}
