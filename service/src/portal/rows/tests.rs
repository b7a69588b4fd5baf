use super::*;
use rewind::testing::{Given, given};

const SOON: &str = "2026-02-01T00:00:00Z";

fn created(owner: &str) -> ApplicationEvent {
    ApplicationEvent::ApplicationCreated {
        owner: owner.into(),
        name: "weather".into(),
        plan: Plan::Free,
    }
}

fn added(product: &str) -> ApplicationEvent {
    let product = product.into();
    ApplicationEvent::ApiProductAdded { product }
}

fn changed_owner(from: &str, to: &str) -> ApplicationEvent {
    let (owner, from) = (to.into(), from.into());
    ApplicationEvent::OwnerChanged { owner, from }
}

fn deleted(owner: &str, products: &[&str]) -> ApplicationEvent {
    ApplicationEvent::ApplicationDeleted {
        owner: owner.into(),
        products: products.iter().map(ToString::to_string).collect(),
    }
}

fn two() -> Given<ApplicationEvent> {
    given([created("ann"), added("maps"), added("mail")]).and("2", [created("bob"), added("maps")])
}

fn owned(applications: &[&str]) -> Owned {
    let applications = applications.iter();
    Owned {
        applications: applications.map(|id| ((*id).into(), 1)).collect(),
    }
}

fn used(applications: i64) -> Usage {
    Usage { applications }
}

#[test]
fn the_row_is_what_the_application_is() {
    let expires = SOON.parse().unwrap();
    let credential = || "key".to_string();
    let history = given([
        created("ann"),
        added("maps"),
        added("mail"),
        ApplicationEvent::ApiProductRemoved {
            product: "mail".into(),
        },
        ApplicationEvent::PlanChanged { plan: Plan::Paid },
        changed_owner("ann", "bob"),
        ApplicationEvent::CredentialGenerated {
            credential: credential(),
            expires,
        },
        ApplicationEvent::CredentialExpired {
            credential: credential(),
        },
    ]);
    let row = |valid, deleted| ApplicationRow {
        owner: "bob".into(),
        name: "weather".into(),
        plan: Plan::Paid,
        products: ["maps".into()].into(),
        credentials: [(credential(), valid)].into(),
        deleted,
    };
    history.then_row::<Applications>(row(false, false));
    let valid = history.clone().reversed("application-1", 8);
    valid.then_row::<Applications>(row(true, false));
    let gone = history.and("1", [deleted("bob", &["maps"])]);
    gone.then_row::<Applications>(row(false, true));
}

#[test]
fn an_owner_has_the_applications_that_came_and_did_not_leave() {
    two().then_rows::<ApplicationsByOwner>(&[("ann", owned(&["1"])), ("bob", owned(&["2"]))]);
    let moved = two().and("1", [changed_owner("ann", "bob")]);
    let expected = [("ann", owned(&[])), ("bob", owned(&["1", "2"]))];
    moved.then_rows::<ApplicationsByOwner>(&expected);
    let gone = moved.and("2", [deleted("bob", &["maps"])]);
    gone.then_rows::<ApplicationsByOwner>(&[("ann", owned(&[])), ("bob", owned(&["1"]))]);
}

#[test]
fn an_owner_is_as_if_a_reversed_event_had_not_happened() {
    let moved = two().and("1", [changed_owner("ann", "bob")]);
    let reversed = moved.reversed("application-1", 4);
    let before = [("ann", owned(&["1"])), ("bob", owned(&["2"]))];
    reversed.then_rows::<ApplicationsByOwner>(&before);
    let back = given([
        created("ann"),
        changed_owner("ann", "bob"),
        changed_owner("bob", "ann"),
    ]);
    let reversed = back.reversed("application-1", 2);
    let count = |count: i64| Owned {
        applications: [("1".to_string(), count)].into(),
    };
    // Nothing allows it, and the counts say that it is wrong.
    reversed.then_rows::<ApplicationsByOwner>(&[("ann", count(2)), ("bob", count(-1))]);
}

#[test]
fn an_api_product_counts_the_applications_that_use_it() {
    two().then_rows::<ApiProducts>(&[("maps", used(2)), ("mail", used(1))]);
    let gone = two().and("1", [deleted("ann", &["maps", "mail"])]);
    gone.then_rows::<ApiProducts>(&[("maps", used(1)), ("mail", used(0))]);
}

#[test]
fn an_api_product_does_not_count_what_was_reversed() {
    let gone = two().and("1", [deleted("ann", &["maps", "mail"])]);
    let back = gone.reversed("application-1", 4);
    back.then_rows::<ApiProducts>(&[("maps", used(2)), ("mail", used(1))]);
    let less = two().reversed("application-1", 2);
    less.then_rows::<ApiProducts>(&[("maps", used(1)), ("mail", used(1))]);
    let more = less.reversed("application-1", 4);
    more.then_rows::<ApiProducts>(&[("maps", used(2)), ("mail", used(1))]);
}

fn campaign(owner: &str) -> CampaignEvent {
    let owner = owner.into();
    let reason = Reason::LongFree;
    CampaignEvent::CampaignStarted { owner, reason }
}

fn survey(owner: &str) -> CampaignEvent {
    let owner = owner.into();
    let reason = Reason::LongPaid;
    CampaignEvent::SurveyStarted { owner, reason }
}

fn offer(owner: &str) -> CampaignEvent {
    let owner = owner.into();
    let reason = Reason::ProductRemoved;
    CampaignEvent::OfferMade { owner, reason }
}

#[test]
fn an_application_has_what_was_begun_for_it_in_order() {
    let begun = |begun: &[(&str, Reason)]| Begun {
        begun: begun
            .iter()
            .map(|(what, why)| ((*what).into(), *why))
            .collect(),
    };
    let history = given([campaign("ann"), offer("ann")]);
    let both = begun(&[
        ("campaign-started", Reason::LongFree),
        ("offer-made", Reason::ProductRemoved),
    ]);
    history.then_row::<CampaignsOfApplications>(both);
    let less = begun(&[("offer-made", Reason::ProductRemoved)]);
    let reversed = history.reversed("campaign-1", 1);
    reversed.then_row::<CampaignsOfApplications>(less);
}

#[test]
fn campaigns_surveys_and_offers_are_counted_by_owner() {
    let contacts = |campaigns, surveys, offers| Contacts {
        campaigns,
        surveys,
        offers,
    };
    let history = given([campaign("ann"), survey("ann")])
        .and("2", [survey("ann")])
        .and("3", [offer("bob")]);
    let bob = || ("bob", contacts(0, 0, 1));
    history.then_rows::<CampaignsByOwner>(&[("ann", contacts(1, 2, 0)), bob()]);
    let reversed = history.reversed("campaign-1", 1);
    reversed.then_rows::<CampaignsByOwner>(&[("ann", contacts(0, 2, 0)), bob()]);
}

#[test]
fn what_was_never_counted_is_not_counted_down() {
    let history = given([offer("bob")]);
    let envelope = rewind::testing::envelope(&history.events()[0]);
    let reverted = CampaignsByOwner::revert("bob", &mut Contacts::default(), &envelope);
    assert!(reverted.unwrap_err().reason.contains("`bob`"));
}
