//! Campaigns, surveys and offers: what a plan leads to if it stays, and what a
//! removed API product leads to. In the stream `campaign-<application>`.

use super::{
    application::{ApplicationEvent, Plan},
    id_of,
};
use rewind::{
    Action, Envelope, Event, Process, Reached, Rejection, Timestamp,
    jiff::{SignedDuration, ToSpan, tz::TimeZone},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Events.

/// What is begun for an application. It is recorded: no aggregate decides about
/// it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
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
    /// The application has had the paid plan for three months.
    LongPaid,
    /// The application does not use an API product any more.
    ProductRemoved,
}

// Process.

/// The deadline of a plan. It has one name, so that a new plan takes the old
/// one's deadline back.
const PLAN: &str = "plan";

/// What has to be known of an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct Known {
    pub owner: String,
    pub plan: Plan,
}

/// What an application leads to.
#[derive(Debug)]
pub struct Campaigns;

impl Process for Campaigns {
    type Event = ApplicationEvent;
    type State = Option<Known>;
    const NAME: &'static str = "campaigns";

    fn key(event: &Envelope<ApplicationEvent>) -> Option<String> {
        match &event.data {
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::ApiProductRemoved { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::OwnerChanged { .. }
            | ApplicationEvent::ApplicationDeleted { .. } => Some(id_of(event.stream())),
            ApplicationEvent::ApiProductAdded { .. }
            | ApplicationEvent::CredentialGenerated { .. }
            | ApplicationEvent::CredentialExpired { .. } => None,
        }
    }

    fn on(
        known: &mut Option<Known>,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<Vec<Action>, Rejection> {
        if let ApplicationEvent::ApplicationCreated { owner, plan, .. } = &event.data {
            let (owner, plan) = (owner.clone(), *plan);
            *known = Some(Known { owner, plan });
            return Ok(vec![deadline(plan, event.timestamp()?)?]);
        }
        // Without its creation, which may have been reversed, nothing follows.
        let Some(application) = known else {
            return Ok(vec![]);
        };
        Ok(match &event.data {
            ApplicationEvent::PlanChanged { plan } => {
                application.plan = *plan;
                vec![deadline(*plan, event.timestamp()?)?]
            }
            ApplicationEvent::OwnerChanged { owner, .. } => {
                application.owner.clone_from(owner);
                vec![]
            }
            ApplicationEvent::ApiProductRemoved { .. } => {
                let id = id_of(event.stream());
                let (owner, reason) = (application.owner.clone(), Reason::ProductRemoved);
                let survey = CampaignEvent::SurveyStarted {
                    owner: owner.clone(),
                    reason,
                };
                let survey = Action::emit(&id, &survey)?;
                let offer = CampaignEvent::OfferMade { owner, reason };
                match application.plan {
                    Plan::Free => vec![survey, Action::emit(&id, &offer)?],
                    Plan::Paid => vec![survey],
                }
            }
            ApplicationEvent::ApplicationDeleted { .. } => {
                *known = None;
                vec![Action::cancel(PLAN)]
            }
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::ApiProductAdded { .. }
            | ApplicationEvent::CredentialGenerated { .. }
            | ApplicationEvent::CredentialExpired { .. } => vec![],
        })
    }

    fn reached(known: &mut Option<Known>, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        let Some(Known { owner, plan }) = known.clone() else {
            return Ok(vec![]);
        };
        let begun = match plan {
            Plan::Free => CampaignEvent::CampaignStarted {
                owner,
                reason: Reason::LongFree,
            },
            Plan::Paid => CampaignEvent::SurveyStarted {
                owner,
                reason: Reason::LongPaid,
            },
        };
        Ok(vec![Action::emit(&deadline.key, &begun)?])
    }
}

/// 30 days, or three months of the calendar in UTC: from the last day of
/// November to the last one of February.
fn deadline(plan: Plan, since: Timestamp) -> Result<Action, Rejection> {
    let due = match plan {
        Plan::Free => since.checked_add(SignedDuration::from_hours(30 * 24)),
        Plan::Paid => {
            let since = since.to_zoned(TimeZone::UTC);
            since.checked_add(3.months()).map(|due| due.timestamp())
        }
    };
    let due = due.map_err(|_| Rejection::new("a plan that ends after the year 9999"))?;
    Ok(Action::deadline(PLAN, due))
}

#[cfg(test)]
mod tests;
