//! The portal, by the testing kit.

use super::{
    application::{
        Application,
        ApplicationCommand::{
            AddApiProduct, ChangeOwner, ChangePlan, CreateApplication, DeleteApplication,
            ExpireCredential, GenerateCredential, RemoveApiProduct,
        },
        ApplicationEvent::{
            self, ApiProductAdded, ApiProductRemoved, ApplicationCreated, ApplicationDeleted,
            CredentialExpired, CredentialGenerated, OwnerChanged, PlanChanged,
        },
        ApplicationRejection, Plan,
    },
    campaigns::{
        CampaignEvent::{CampaignStarted, OfferMade, SurveyStarted},
        Campaigns, Reason,
    },
    credentials::Credentials,
    rows::{ApiProducts, Applications, Shown, Usage},
};
use rewind::{
    Action, Timestamp,
    testing::{Asked, Given, given},
    unique,
};

const NEW_YEAR: &str = "2026-01-01T00:00:00Z";

fn created(plan: Plan) -> ApplicationEvent {
    ApplicationCreated {
        owner: "ann".into(),
        name: "weather".into(),
        plan,
    }
}

fn free() -> Given<ApplicationEvent> {
    given([created(Plan::Free)]).at(NEW_YEAR)
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn an_application_is_created_once_and_its_name_is_the_owners_own() {
    let create = || CreateApplication {
        owner: "ann".into(),
        name: "weather".into(),
        plan: Plan::Free,
    };
    let nothing = || given([] as [ApplicationEvent; 0]);
    nothing().when(create()).then([created(Plan::Free)]);
    nothing()
        .when(create())
        .then_unique(&[unique("name", &("ann", "weather"))], &[]);
    free()
        .when(create())
        .then_rejected(ApplicationRejection::AlreadyCreated);
    let deleted = free().and("1", [ApplicationDeleted {}]);
    deleted
        .when(create())
        .then_rejected(ApplicationRejection::AlreadyCreated);
}

#[test]
fn the_name_goes_with_the_owner_and_is_free_when_the_application_is_deleted() {
    let ann = unique("name", &("ann", "weather"));
    let ben = unique("name", &("ben", "weather"));
    let to_ben = || ChangeOwner {
        owner: "ben".into(),
    };
    free().when(to_ben()).then([OwnerChanged {
        owner: "ben".into(),
    }]);
    free()
        .when(to_ben())
        .then_unique(std::slice::from_ref(&ben), std::slice::from_ref(&ann));
    let to_ann = ChangeOwner {
        owner: "ann".into(),
    };
    free()
        .when(to_ann)
        .then_rejected(ApplicationRejection::SameOwner);
    free()
        .when(DeleteApplication {})
        .then_unique(&[], std::slice::from_ref(&ann));
}

#[test]
fn products_are_added_and_removed() {
    let product = || "maps".to_string();
    let add = || AddApiProduct { product: product() };
    let remove = || RemoveApiProduct { product: product() };
    let added = || ApiProductAdded { product: product() };
    free().when(add()).then([added()]);
    let used = free().and("1", [added()]);
    used.when(add())
        .then_rejected(ApplicationRejection::ProductAlreadyAdded);
    used.when(remove())
        .then([ApiProductRemoved { product: product() }]);
    free()
        .when(remove())
        .then_rejected(ApplicationRejection::NoSuchProduct);
    used.then_rows::<ApiProducts>(&[(
        "maps",
        Usage {
            added: 1,
            removed: 0,
        },
    )]);
    let reversed = used.reversed("application-1", 2);
    reversed.then_rows::<ApiProducts>(&[("maps", Usage::default())]);
    reversed.when(add()).then([added()]);
}

#[test]
fn what_is_not_there_or_changes_nothing_is_refused() {
    let nothing = given([] as [ApplicationEvent; 0]);
    let asked = |to: &Given<ApplicationEvent>| -> Asked<Application> {
        to.when(ChangePlan { plan: Plan::Free })
    };
    asked(&nothing).then_rejected(ApplicationRejection::NotCreated);
    asked(&free()).then_rejected(ApplicationRejection::SamePlan);
    let deleted = free().and("1", [ApplicationDeleted {}]);
    asked(&deleted).then_rejected(ApplicationRejection::Deleted);
    let credential = || "key".to_string();
    free()
        .when(ExpireCredential {
            credential: credential(),
        })
        .then_rejected(ApplicationRejection::NoSuchCredential);
    let expires = time("2026-02-01T00:00:00Z");
    let generated = free().and(
        "1",
        [CredentialGenerated {
            credential: credential(),
            expires,
        }],
    );
    let generate = GenerateCredential {
        credential: credential(),
        expires,
    };
    generated
        .when(generate)
        .then_rejected(ApplicationRejection::CredentialExists);
    let expired = generated.and(
        "1",
        [CredentialExpired {
            credential: credential(),
        }],
    );
    expired
        .when(ExpireCredential {
            credential: credential(),
        })
        .then_rejected(ApplicationRejection::AlreadyExpired);
    expired.then_row::<Applications>(Shown {
        owner: "ann".into(),
        name: "weather".into(),
        plan: Some(Plan::Free),
        credentials: [("key".to_string(), false)].into(),
        ..Shown::default()
    });
}

#[test]
fn a_credential_expires_at_its_time() {
    let generated = free().and_at(
        NEW_YEAR,
        "1",
        [CredentialGenerated {
            credential: "key".into(),
            expires: time("2026-02-01T12:00:00Z"),
        }],
    );
    let expire = Action::command(
        "1",
        &ExpireCredential {
            credential: "key".into(),
        },
    );
    generated
        .process::<Credentials>()
        .then_deadline("key", "2026-02-01T12:00:00Z")
        .at("2026-02-01T11:59:59Z")
        .then([])
        .at("2026-02-01T12:00:00Z")
        .then([expire.unwrap()]);
    let by_hand = CredentialExpired {
        credential: "key".into(),
    };
    for over in [by_hand, ApplicationDeleted {}] {
        generated
            .clone()
            .and_at("2026-01-02T00:00:00Z", "1", [over])
            .process::<Credentials>()
            .then_no_deadline("key");
    }
}

#[test]
fn a_free_plan_for_thirty_days_starts_a_campaign() {
    let started = CampaignStarted {
        owner: "ann".into(),
        reason: Reason::LongFree,
    };
    free()
        .process::<Campaigns>()
        .at("2026-01-30T23:59:59Z")
        .then([])
        .at("2026-01-31T00:00:00Z")
        .then([Action::emit("1", &started).unwrap()]);
}

#[test]
fn a_paid_plan_for_three_months_of_the_calendar_starts_a_survey() {
    let survey = SurveyStarted {
        owner: "ann".into(),
        reason: Reason::LongPaid,
    };
    let survey = || Action::emit("1", &survey).unwrap();
    for (since, until) in [
        ("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        // February has no 30th.
        ("2025-11-30T08:00:00Z", "2026-02-28T08:00:00Z"),
    ] {
        given([created(Plan::Paid)])
            .at(since)
            .process::<Campaigns>()
            .then_deadline("plan", until)
            .at(until)
            .then([survey()]);
    }
}

#[test]
fn a_plan_that_changes_before_takes_it_back() {
    let changed = free().and_at(
        "2026-01-20T00:00:00Z",
        "1",
        [PlanChanged { plan: Plan::Paid }],
    );
    changed
        .process::<Campaigns>()
        .then_deadline("plan", "2026-04-20T00:00:00Z")
        .at("2026-03-01T00:00:00Z")
        .then([]);
    changed
        .and_at("2026-01-21T00:00:00Z", "1", [ApplicationDeleted {}])
        .process::<Campaigns>()
        .then_no_deadline("plan");
}

#[test]
fn a_removed_product_starts_a_survey_and_on_a_free_plan_an_offer() {
    let removed = || ApiProductRemoved {
        product: "maps".into(),
    };
    let (owner, reason) = (String::from("ann"), Reason::ProductRemoved);
    let survey = SurveyStarted {
        owner: owner.clone(),
        reason,
    };
    let offer = OfferMade { owner, reason };
    let survey = Action::emit("1", &survey).unwrap();
    let offer = Action::emit("1", &offer).unwrap();
    free()
        .and("1", [removed()])
        .process::<Campaigns>()
        .then([survey.clone(), offer]);
    given([created(Plan::Paid), removed()])
        .process::<Campaigns>()
        .then([survey]);
}
