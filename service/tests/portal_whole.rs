//! The portal as a whole: commands and a clock in, and what follows.

use rewind::{
    Answer, Mail, Request,
    jiff::SignedDuration,
    testing::{System, system},
};
use serde_json::json;
use service::mails::Mails;
use service::portal::{
    application::{
        ApplicationCommand as Command, ApplicationEvent as Event, ApplicationRejection as Rejected,
        Plan,
    },
    campaigns::{CampaignEvent, Campaigns, Reason},
    credentials::Credentials,
    rows::{
        ApiProducts, ApplicationRow, Applications, ApplicationsByOwner, CampaignsByOwner, Contacts,
        Owned, Usage,
    },
    surveys::{FeedbackByProduct, Forms, Opinion, SurveyRow, Surveys},
};

fn ann() -> String {
    "ann".into()
}

fn weather() -> String {
    "weather".into()
}

fn create(plan: Plan) -> Command {
    Command::CreateApplication {
        owner: ann(),
        name: weather(),
        plan,
    }
}

fn created(plan: Plan) -> Event {
    Event::ApplicationCreated {
        owner: ann(),
        name: weather(),
        plan,
    }
}

fn owned(ids: &[&str]) -> Owned {
    let applications = ids.iter().map(|id| ((*id).to_string(), 1));
    Owned {
        applications: applications.collect(),
    }
}

fn row(plan: Plan) -> ApplicationRow {
    ApplicationRow {
        owner: ann(),
        name: weather(),
        plan,
        ..ApplicationRow::default()
    }
}

fn campaign() -> CampaignEvent {
    CampaignEvent::CampaignStarted {
        owner: ann(),
        reason: Reason::LongFree,
    }
}

fn contacts(campaigns: u64, surveys: u64, offers: u64) -> Contacts {
    Contacts {
        campaigns,
        surveys,
        offers,
    }
}

/// Ann's application 1, on the free plan since the 15th of January.
fn free() -> System {
    let mut system = system(service::service());
    system.at("2026-01-15T09:00:00Z");
    let decided = system.when("1", create(Plan::Free));
    decided.then([created(Plan::Free)]);
    system
}

#[test]
fn a_free_plan_for_thirty_days_starts_a_campaign() {
    free()
        .then_row::<Applications>("1", row(Plan::Free))
        .then_shared_row::<ApplicationsByOwner>("ann", owned(&["1"]))
        .then_deadlines::<Campaigns>("1", &[("plan", "2026-02-14T09:00:00Z")])
        .at("2026-02-14T08:59:59Z")
        .then_events::<CampaignEvent>("1", [])
        .at("2026-02-14T09:00:00Z")
        .then_events("1", [campaign()])
        .then_rows::<CampaignsByOwner>(&[("ann", contacts(1, 0, 0))])
        .after(SignedDuration::from_hours(24 * 365))
        .then_events("1", [campaign()])
        .rebuild();
}

#[test]
fn a_plan_that_is_changed_in_time_starts_none_unless_the_change_is_reversed() {
    let mut system = free();
    system.at("2026-02-01T09:00:00Z");
    let paid = Command::ChangePlan { plan: Plan::Paid };
    system.when("1", paid).then_accepted();
    let survey = CampaignEvent::SurveyStarted {
        owner: ann(),
        reason: Reason::LongPaid,
    };
    system
        .at("2026-03-01T09:00:00Z")
        .then_row::<Applications>("1", row(Plan::Paid))
        .then_events::<CampaignEvent>("1", [])
        .rebuild()
        // The old deadline is open again, and over already.
        .reverse("application-1", 2)
        .then_row::<Applications>("1", row(Plan::Free))
        .then_events("1", [campaign()])
        .rebuild()
        .reverse("application-1", 3)
        .at("2026-05-01T09:00:00Z")
        .then_events("1", [campaign(), survey])
        .rebuild();
}

#[test]
fn a_credential_expires_at_its_time_by_a_command() {
    let mut system = free();
    let generate = |credential: &str, expires: &str| Command::GenerateCredential {
        credential: credential.into(),
        expires: expires.parse().unwrap(),
    };
    let generated = system.when("1", generate("first", "2026-02-01T12:00:00Z"));
    generated.then_accepted();
    let generated = system.when("1", generate("second", "2026-01-20T12:00:00Z"));
    generated.then_accepted();
    let open = [
        ("first", "2026-02-01T12:00:00Z"),
        ("second", "2026-01-20T12:00:00Z"),
    ];
    system
        .then_deadlines::<Credentials>("1", &open)
        .at("2026-02-01T12:00:00Z")
        .then_deadlines::<Credentials>("1", &[]);
    // The earlier one first, each at its own time.
    let expired = system.recorded("application-1")[3..].iter();
    let expired = expired.map(|event| (&*event.event.time, event.data().unwrap()));
    let expected = [
        ("2026-01-20T12:00:00Z", expires("second")),
        ("2026-02-01T12:00:00Z", expires("first")),
    ];
    assert_eq!(expired.collect::<Vec<_>>(), expected);
    let credential = "first".to_string();
    let expire = Command::ExpireCredential {
        credential: credential.clone(),
    };
    let again = Rejected::AlreadyExpired { credential };
    system.when("1", expire).then_rejected(again);
    system.then_refused(&[]).rebuild();
}

fn expires(credential: &str) -> serde_json::Value {
    serde_json::json!({ "credential": credential })
}

#[test]
fn a_name_is_one_applications_of_its_owner_until_that_is_deleted() {
    let mut system = free();
    let taken = || Rejected::NameTaken {
        owner: ann(),
        name: weather(),
    };
    let again = system.when("2", create(Plan::Paid));
    again.then_rejected(taken());
    // Another owner may have one of that name, and cannot hand it over.
    let of_bob = Command::CreateApplication {
        owner: "bob".into(),
        name: weather(),
        plan: Plan::Free,
    };
    system.when("2", of_bob).then_accepted();
    let to_ann = || Command::ChangeOwner { owner: ann() };
    system.when("2", to_ann()).then_rejected(taken());
    system.when("1", Command::DeleteApplication).then_accepted();
    system.when("2", to_ann()).then_accepted();
    let rows = [("ann", owned(&["2"])), ("bob", owned(&[]))];
    system
        .then_rows::<ApplicationsByOwner>(&rows)
        // The deleted one gets no campaign; the other one's goes to its owner.
        .at("2026-03-01T09:00:00Z")
        .then_events::<CampaignEvent>("1", [])
        .then_events("2", [campaign()])
        .rebuild();
}

#[test]
fn an_api_product_that_is_removed_leads_to_a_survey_and_an_offer() {
    let mut system = free();
    let product = || "maps".to_string();
    let add = Command::AddApiProduct { product: product() };
    system.when("1", add).then_accepted();
    system.then_rows::<ApiProducts>(&[("maps", Usage { applications: 1 })]);
    let remove = Command::RemoveApiProduct { product: product() };
    system.when("1", remove).then_accepted();
    system
        .then_rows::<ApiProducts>(&[("maps", Usage { applications: 0 })])
        .then_rows::<CampaignsByOwner>(&[("ann", contacts(0, 1, 1))])
        .rebuild();
}

#[test]
fn a_survey_is_a_form_and_a_mail_and_feedback_comes_back() {
    let mut system = system(service::service());
    system.outside::<Forms>(|_| Answer {
        status: 201,
        body: json!({"url": "https://forms.example/1"}),
    });
    system.outside::<Mails>(|_| Answer {
        status: 250,
        body: json!("queued"),
    });
    let address = || "ann@example.org".to_string();
    let create = Command::CreateApplication {
        owner: address(),
        name: weather(),
        plan: Plan::Paid,
    };
    system.when("1", create).then_accepted();
    let product = || "maps".to_string();
    let add = Command::AddApiProduct { product: product() };
    system.when("1", add).then_accepted();
    let remove = Command::RemoveApiProduct { product: product() };
    system.when("1", remove).then_accepted();
    let form = json!({"reference": "1", "topic": "product-removed"});
    let mail = Mail {
        to: vec![address()],
        subject: "How do you like our API products?".into(),
        text: "Please tell us: https://forms.example/1".into(),
    };
    system
        .then_sent::<Forms>([Request::post("/forms", &form).unwrap()])
        .then_sent::<Mails>([mail.into()]);
    let filled = json!({"reference": "1", "product": "maps", "score": 5});
    system.input("survey", &filled);
    let row = SurveyRow {
        url: Some("https://forms.example/1".into()),
        answers: 1,
    };
    let scores = [(5, 1)].into();
    system
        .then_row::<Surveys>("1", row)
        .then_rows::<FeedbackByProduct>(&[("maps", Opinion { scores })])
        .rebuild()
        .then_sent::<Forms>([]);
}
