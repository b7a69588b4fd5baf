//! What a plan and its time lead to.

use super::application::{ApplicationEvent, Plan};
use rewind::{
    Action, Envelope, Event, Process, Reached, Rejection, Timestamp,
    jiff::{SignedDuration, ToSpan, tz::TimeZone},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is begun for an application, in the stream `campaign-<application>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub enum CampaignEvent {
    CampaignStarted { owner: String, reason: Reason },
    SurveyStarted { owner: String, reason: Reason },
    OfferMade { owner: String, reason: Reason },
}

impl Event for CampaignEvent {
    const CATEGORY: &'static str = "campaign";
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The application has had the free plan for 30 days.
    LongFree,
    /// The application has had a paid plan for three months.
    LongPaid,
    /// An API product was removed.
    ProductRemoved,
}

/// What the process knows of an application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    owner: String,
    is_paid: bool,
}

/// The deadline's name: one at a time.
const PLAN: &str = "plan";

/// A free plan for 30 days starts a campaign, a paid one for three months a
/// survey. A removed API product starts a survey and, on a free plan, an offer.
#[derive(Debug)]
pub struct Campaigns;

impl Process for Campaigns {
    type Event = ApplicationEvent;
    type State = Known;
    const NAME: &'static str = "campaigns";

    fn key(event: &Envelope<ApplicationEvent>) -> Option<String> {
        Some(event.stream().id().to_string())
    }

    fn on(known: &mut Known, event: &Envelope<ApplicationEvent>) -> Result<Vec<Action>, Rejection> {
        let id = event.stream().id();
        Ok(match &event.data {
            ApplicationEvent::ApplicationCreated { owner, plan, .. } => {
                known.owner.clone_from(owner);
                known.is_paid = *plan == Plan::Paid;
                vec![known.deadline(event.timestamp()?)?]
            }
            // A deadline of the same name takes the place of the one before.
            ApplicationEvent::PlanChanged { plan } => {
                known.is_paid = *plan == Plan::Paid;
                vec![known.deadline(event.timestamp()?)?]
            }
            ApplicationEvent::OwnerChanged { owner } => {
                known.owner.clone_from(owner);
                vec![]
            }
            ApplicationEvent::ApiProductRemoved { .. } => {
                let (owner, reason) = (known.owner.clone(), Reason::ProductRemoved);
                let survey = CampaignEvent::SurveyStarted {
                    owner: owner.clone(),
                    reason,
                };
                let mut started = vec![Action::emit(id, &survey)?];
                if !known.is_paid {
                    let offer = CampaignEvent::OfferMade { owner, reason };
                    started.push(Action::emit(id, &offer)?);
                }
                started
            }
            ApplicationEvent::ApplicationDeleted {} => vec![Action::cancel(PLAN)],
            ApplicationEvent::ApiProductAdded { .. }
            | ApplicationEvent::CredentialGenerated { .. }
            | ApplicationEvent::CredentialExpired { .. } => vec![],
        })
    }

    fn reached(known: &mut Known, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        let owner = known.owner.clone();
        let started = match known.is_paid {
            true => CampaignEvent::SurveyStarted {
                owner,
                reason: Reason::LongPaid,
            },
            false => CampaignEvent::CampaignStarted {
                owner,
                reason: Reason::LongFree,
            },
        };
        Ok(vec![Action::emit(&deadline.key, &started)?])
    }
}

impl Known {
    /// When the plan has been there for long.
    fn deadline(&self, since: Timestamp) -> Result<Action, Rejection> {
        let long = match self.is_paid {
            // Months of the calendar, in UTC.
            true => since
                .to_zoned(TimeZone::UTC)
                .checked_add(3.months())
                .map(|then| then.timestamp()),
            false => since.checked_add(SignedDuration::from_hours(30 * 24)),
        };
        let long = long.map_err(|_| Rejection::new("`time` lies at the end of time"))?;
        Ok(Action::deadline(PLAN, long))
    }
}
