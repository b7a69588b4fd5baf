use super::*;
use rewind::testing::{Given, given};

const EXPIRES: &str = "2026-03-01T12:00:00Z";

fn generated(expires: &str) -> Given<ApplicationEvent> {
    let generated = ApplicationEvent::CredentialGenerated {
        credential: "key".into(),
        expires: expires.parse().unwrap(),
    };
    given([generated]).at("2026-02-01T09:00:00Z")
}

fn expire(credential: &str) -> Action {
    let credential = credential.into();
    Action::command("1", &ApplicationCommand::ExpireCredential { credential }).unwrap()
}

#[test]
fn a_credential_expires_at_its_time_and_not_before() {
    generated(EXPIRES)
        .process::<Credentials>()
        .then_deadline("key", EXPIRES)
        .at("2026-03-01T11:59:59Z")
        .then([])
        .at(EXPIRES)
        .then([expire("key")])
        .then_state(BTreeSet::new())
        .at("2036-01-01T00:00:00Z")
        .then([]);
}

#[test]
fn a_credential_whose_time_is_over_expires_at_once() {
    for past in ["2020-01-01T00:00:00Z", "-009000-01-01T00:00:00Z"] {
        generated(past)
            .process::<Credentials>()
            .at("2026-02-01T09:00:00Z")
            .then([expire("key")]);
    }
}

#[test]
fn a_credential_that_was_expired_by_hand_does_not_expire_again() {
    let credential = "key".into();
    let expired = ApplicationEvent::CredentialExpired { credential };
    let by_hand = generated(EXPIRES).and_at("2026-02-02T09:00:00Z", "1", [expired]);
    by_hand
        .process::<Credentials>()
        .then([Action::cancel("key")])
        .then_no_deadline("key")
        .at(EXPIRES)
        .then([]);
}

#[test]
fn the_credentials_of_a_deleted_application_do_not_expire() {
    let another = ApplicationEvent::CredentialGenerated {
        credential: "other".into(),
        expires: "2026-04-01T12:00:00Z".parse().unwrap(),
    };
    let deleted = ApplicationEvent::ApplicationDeleted {
        owner: "ann".into(),
        products: BTreeSet::new(),
    };
    let gone = generated(EXPIRES).and("1", [another]);
    let gone = gone.and_at("2026-02-03T09:00:00Z", "1", [deleted]);
    gone.process::<Credentials>()
        .then([Action::cancel("key"), Action::cancel("other")])
        .at("2036-01-01T00:00:00Z")
        .then([]);
}

#[test]
fn two_credentials_have_two_deadlines() {
    let another = ApplicationEvent::CredentialGenerated {
        credential: "other".into(),
        expires: "2026-02-20T12:00:00Z".parse().unwrap(),
    };
    let two = generated(EXPIRES).and_at("2026-02-02T09:00:00Z", "1", [another]);
    two.process::<Credentials>()
        .then_deadline("key", EXPIRES)
        .at(EXPIRES)
        .then([expire("other"), expire("key")]);
}

#[test]
fn reversing_what_generated_a_credential_takes_its_deadline_back() {
    let reversed = generated(EXPIRES).reversed("application-1", 1);
    reversed
        .process::<Credentials>()
        .then_no_deadline("key")
        .at(EXPIRES)
        .then([]);
}

#[test]
fn other_events_of_an_application_do_not_concern_its_credentials() {
    let plan = crate::portal::application::Plan::Paid;
    let changed = generated(EXPIRES).and("1", [ApplicationEvent::PlanChanged { plan }]);
    let envelope = rewind::testing::envelope(&changed.events()[1]);
    assert_eq!(Credentials::key(&envelope), None);
}
