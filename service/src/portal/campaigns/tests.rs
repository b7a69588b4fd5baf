use super::*;
use rewind::testing::{Given, Running, given};

fn created(plan: Plan, at: &str) -> Given<ApplicationEvent> {
    let created = ApplicationEvent::ApplicationCreated {
        owner: "ann".into(),
        name: "weather".into(),
        plan,
    };
    given([created]).at(at)
}

fn begins(begun: &CampaignEvent) -> Action {
    Action::emit("1", begun).unwrap()
}

fn campaign(owner: &str) -> Action {
    let (owner, reason) = (owner.into(), Reason::LongFree);
    begins(&CampaignEvent::CampaignStarted { owner, reason })
}

fn survey(reason: Reason) -> Action {
    let owner = "ann".into();
    begins(&CampaignEvent::SurveyStarted { owner, reason })
}

fn offer() -> Action {
    let (owner, reason) = ("ann".into(), Reason::ProductRemoved);
    begins(&CampaignEvent::OfferMade { owner, reason })
}

fn run(history: &Given<ApplicationEvent>) -> Running<Campaigns> {
    history.process::<Campaigns>()
}

fn paid() -> ApplicationEvent {
    ApplicationEvent::PlanChanged { plan: Plan::Paid }
}

fn removed() -> ApplicationEvent {
    let product = "maps".into();
    ApplicationEvent::ApiProductRemoved { product }
}

#[test]
fn a_free_plan_for_thirty_days_starts_one_campaign_and_not_before() {
    run(&created(Plan::Free, "2026-01-15T09:00:00Z"))
        .at("2026-02-14T08:59:59Z")
        .then([])
        .at("2026-02-14T09:00:00Z")
        .then([campaign("ann")])
        .at("2036-01-01T00:00:00Z")
        .then([]);
}

#[test]
fn a_paid_plan_for_three_months_of_the_calendar_starts_a_survey() {
    for (since, until) in [
        ("2026-01-15T09:00:00Z", "2026-04-15T09:00:00Z"),
        // The last day of a month that has more days than the third after it.
        ("2025-11-30T09:00:00Z", "2026-02-28T09:00:00Z"),
        ("2023-11-30T09:00:00Z", "2024-02-29T09:00:00Z"),
        ("2026-01-31T23:30:00Z", "2026-04-30T23:30:00Z"),
        // In UTC, whatever the clock of the sender says.
        ("2026-03-01T01:00:00+02:00", "2026-05-28T23:00:00Z"),
    ] {
        run(&created(Plan::Paid, since))
            .then_deadline("plan", until)
            .at(until)
            .then([survey(Reason::LongPaid)]);
    }
}

#[test]
fn a_plan_that_changes_before_the_deadline_takes_it_back() {
    let free = created(Plan::Free, "2026-01-15T09:00:00Z");
    let changed = free.and_at("2026-02-14T08:00:00Z", "1", [paid()]);
    run(&changed)
        .then_deadline("plan", "2026-05-14T08:00:00Z")
        .at("2026-02-14T09:00:00Z")
        .then([])
        .at("2026-05-14T08:00:00Z")
        .then([survey(Reason::LongPaid)]);
}

#[test]
fn a_plan_that_is_free_again_begins_again() {
    let free = ApplicationEvent::PlanChanged { plan: Plan::Free };
    let history = created(Plan::Free, "2026-01-15T09:00:00Z")
        .and_at("2026-02-01T09:00:00Z", "1", [paid()])
        .and_at("2026-02-10T09:00:00Z", "1", [free]);
    run(&history)
        .at("2026-03-12T08:59:59Z")
        .then([])
        .at("2026-03-12T09:00:00Z")
        .then([campaign("ann")]);
}

#[test]
fn a_deleted_application_takes_its_deadline_back() {
    let deleted = ApplicationEvent::ApplicationDeleted {
        owner: "ann".into(),
        products: [].into(),
    };
    let free = created(Plan::Free, "2026-01-15T09:00:00Z");
    let gone = free.and_at("2026-01-20T09:00:00Z", "1", [deleted]);
    run(&gone)
        .then([Action::cancel("plan")])
        .then_state(None)
        .at("2036-01-01T00:00:00Z")
        .then([]);
}

#[test]
fn a_removed_api_product_starts_a_survey_and_on_a_free_plan_an_offer() {
    let survey = || survey(Reason::ProductRemoved);
    let free = created(Plan::Free, "2026-01-15T09:00:00Z").and("1", [removed()]);
    run(&free).then([survey(), offer()]);
    let paid = created(Plan::Paid, "2026-01-15T09:00:00Z").and("1", [removed()]);
    run(&paid).then([survey()]);
}

#[test]
fn a_campaign_is_for_the_owner_of_the_day() {
    let (owner, from) = ("bob".into(), "ann".into());
    let moved = ApplicationEvent::OwnerChanged { owner, from };
    let free = created(Plan::Free, "2026-01-15T09:00:00Z");
    let moved = free.and_at("2026-01-20T09:00:00Z", "1", [moved]);
    run(&moved)
        .at("2026-02-14T09:00:00Z")
        .then([campaign("bob")]);
}

#[test]
fn reversing_a_change_of_plan_brings_the_old_deadline_back() {
    let free = created(Plan::Free, "2026-01-15T09:00:00Z");
    let changed = free.and_at("2026-01-20T09:00:00Z", "1", [paid()]);
    run(&changed.reversed("application-1", 2))
        .then_deadline("plan", "2026-02-14T09:00:00Z")
        .at("2026-02-14T09:00:00Z")
        .then([campaign("ann")]);
}

#[test]
fn without_its_creation_an_application_leads_to_nothing() {
    let free = created(Plan::Free, "2026-01-15T09:00:00Z");
    let reversed = free.reversed("application-1", 1).and("1", [removed()]);
    run(&reversed).then([]).then_no_deadline("plan");
}
