//! A developer portal in small: what a plan leads to, if it stays.

use crate::{Journal, id_of};
use rewind::{
    Action, Aggregate, Command, Decision, Envelope, Event, Process, Reached, RecordedEvent,
    Rejection, Service, Timestamp,
    jiff::SignedDuration,
    testing::{Given, history},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Plan {
    Free,
    Paid,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ApplicationEvent {
    ApplicationCreated { plan: Plan },
    PlanChanged { plan: Plan },
    ApplicationDeleted {},
}

impl Event for ApplicationEvent {
    const CATEGORY: &'static str = "application";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum ProductEvent {
    ApiProductRemoved { application: String },
}

impl Event for ProductEvent {
    const CATEGORY: &'static str = "product";
}

rewind::events! {
    pub enum PortalEvent {
        Application(ApplicationEvent),
        Product(ProductEvent),
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum SurveyEvent {
    SurveyAsked { about: String },
}

impl Event for SurveyEvent {
    const CATEGORY: &'static str = "survey";
}

// Campaigns are decided.

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Campaign {}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum CampaignCommand {
    StartCampaign { because: String },
}

impl Command for CampaignCommand {
    type Aggregate = Campaign;
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum CampaignEvent {
    CampaignStarted {},
}

impl Event for CampaignEvent {
    const CATEGORY: &'static str = "campaign";
}

#[derive(Debug, Serialize, thiserror::Error)]
#[error("no")]
pub struct No {}

impl Aggregate for Campaign {
    type Command = CampaignCommand;
    type Event = CampaignEvent;
    type Rejection = No;

    fn decide(&self, _: CampaignCommand, _: Timestamp) -> Result<Decision<Self>, No> {
        Ok([CampaignEvent::CampaignStarted {}].into())
    }

    fn evolve(&mut self, _: &Envelope<CampaignEvent>) {}
}

/// What a plan leads to.
pub struct Plans;

impl Process for Plans {
    type Event = PortalEvent;
    type State = Option<Plan>;
    const NAME: &'static str = "plans";

    fn key(event: &Envelope<PortalEvent>) -> Option<String> {
        match &event.data {
            PortalEvent::Application(_) => id_of(event),
            PortalEvent::Product(ProductEvent::ApiProductRemoved { application }) => {
                Some(application.clone())
            }
        }
    }

    fn on(
        plan: &mut Option<Plan>,
        event: &Envelope<PortalEvent>,
    ) -> Result<Vec<Action>, Rejection> {
        use ApplicationEvent::{ApplicationCreated, ApplicationDeleted, PlanChanged};
        let now = event.timestamp()?;
        Ok(match &event.data {
            PortalEvent::Application(
                ApplicationCreated { plan: new } | PlanChanged { plan: new },
            ) => {
                *plan = Some(*new);
                let days = match new {
                    Plan::Free => 30,
                    Plan::Paid => 90,
                };
                let then = now + SignedDuration::from_hours(24 * days);
                vec![Action::deadline("plan", then)]
            }
            PortalEvent::Application(ApplicationDeleted {}) => vec![Action::cancel("plan")],
            PortalEvent::Product(ProductEvent::ApiProductRemoved { application }) => {
                vec![survey(application, "product")?]
            }
        })
    }

    fn reached(plan: &mut Option<Plan>, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        Ok(match plan {
            Some(Plan::Free) => vec![campaign(&deadline.key)?],
            Some(Plan::Paid) => vec![survey(&deadline.key, "plan")?],
            None => vec![],
        })
    }
}

pub fn campaign(application: &str) -> Result<Action, Rejection> {
    let because = "a free plan for 30 days".into();
    Action::command(application, &CampaignCommand::StartCampaign { because })
}

pub fn survey(application: &str, about: &str) -> Result<Action, Rejection> {
    let about = about.into();
    Action::emit(application, &SurveyEvent::SurveyAsked { about })
}

pub fn service() -> Service {
    let service = Service::new().aggregate::<Campaign>();
    service.events::<SurveyEvent>().process::<Plans>()
}

pub fn created(plan: Plan) -> Given<PortalEvent> {
    let created = ApplicationEvent::ApplicationCreated { plan };
    history().and_at("2026-01-01T09:00:00Z", "1", [created])
}

/// A journal of the application 1 after its events.
pub fn taken(given: &Given<PortalEvent>) -> Journal {
    let mut journal = Journal::new(&service(), "1");
    let events: &[RecordedEvent] = given.events();
    events.iter().for_each(|event| journal.take(event).unwrap());
    journal
}

const BEFORE: &str = "2026-01-31T08:59:59Z";
const THEN: &str = "2026-01-31T09:00:00Z";

#[test]
fn a_free_plan_for_thirty_days_starts_a_campaign_and_not_before() {
    let free = created(Plan::Free).process::<Plans>();
    free.then_deadline("plan", THEN)
        .at(BEFORE)
        .then([])
        .at(THEN)
        .then([campaign("1").unwrap()])
        .then_no_deadline("plan")
        .at("2036-01-01T00:00:00Z")
        .then([]);
}

#[test]
fn a_paid_plan_for_ninety_days_asks_for_a_survey() {
    let paid = created(Plan::Paid).process::<Plans>();
    paid.at("2026-04-01T09:00:00Z")
        .then([survey("1", "plan").unwrap()]);
}

#[test]
fn a_plan_that_changes_before_the_deadline_takes_it_back() {
    let changed = ApplicationEvent::PlanChanged { plan: Plan::Paid };
    let changed = created(Plan::Free).and_at("2026-01-15T09:00:00Z", "1", [changed]);
    let changed = changed.process::<Plans>();
    changed
        .then_deadline("plan", "2026-04-15T09:00:00Z")
        .then_state(Some(Plan::Paid))
        .at(THEN)
        .then([]);
}

#[test]
fn what_is_due_before_an_event_fires_before_it() {
    let late = ApplicationEvent::ApplicationDeleted {};
    let late = created(Plan::Free).and_at("2026-02-15T09:00:00Z", "1", [late]);
    let types = [
        "event-taken",
        "deadline-set",
        "deadline-reached",
        "command-issued",
        "event-taken",
        "deadline-cancelled",
    ];
    late.process::<Plans>().then([Action::cancel("plan")]);
    let mut journal = taken(&created(Plan::Free));
    journal.turn(crate::time(THEN)).unwrap();
    journal.take(&late.events()[1]).unwrap();
    assert_eq!(journal.types(), types);
}

#[test]
fn events_of_several_categories_are_about_one_instance() {
    let application = "1".to_string();
    let removed = ProductEvent::ApiProductRemoved { application };
    let removed = created(Plan::Free).and("p", [removed]);
    removed
        .process::<Plans>()
        .then([survey("1", "product").unwrap()])
        .then_deadline("plan", THEN);
}

#[test]
#[should_panic(expected = "say which with `.key(…)`")]
fn events_about_several_instances_have_to_say_which() {
    let two = created(Plan::Free).and("2", [ApplicationEvent::ApplicationDeleted {}]);
    two.process::<Plans>().then([]);
}

#[test]
fn the_events_of_one_key_are_looked_at_alone() {
    let two = created(Plan::Free).and("2", [ApplicationEvent::ApplicationDeleted {}]);
    two.process::<Plans>().key("1").then_deadline("plan", THEN);
    two.process::<Plans>()
        .key("2")
        .then([Action::cancel("plan")]);
}

#[test]
#[should_panic(expected = "the deadline \"plan\" is open")]
fn a_deadline_that_is_open_is_not_gone() {
    created(Plan::Free)
        .process::<Plans>()
        .then_no_deadline("plan");
}

#[test]
#[should_panic(expected = "assertion failed")]
fn other_actions_than_those_expected_are_seen() {
    created(Plan::Free).process::<Plans>().at(THEN).then([]);
}
