//! The rows of the portal.

use super::{
    application::{ApplicationEvent, Plan},
    campaigns::{CampaignEvent, Reason},
};
use rewind::{Envelope, MultiStreamProjection, Rejection, SingleStreamProjection};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An application as it is shown.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Whose it is.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// What it pays; `None` before it is created.
    pub plan: Option<Plan>,
    /// The API products that it uses.
    pub products: BTreeSet<String>,
    /// Its credentials, and whether they are valid.
    pub credentials: BTreeMap<String, bool>,
    /// Whether it is deleted.
    pub deleted: bool,
}

/// Each application.
#[derive(Debug)]
pub struct Applications;

impl SingleStreamProjection for Applications {
    type Event = ApplicationEvent;
    type Row = Shown;
    const NAME: &'static str = "applications";

    fn apply(shown: &mut Shown, event: &Envelope<ApplicationEvent>) -> Result<(), Rejection> {
        match &event.data {
            ApplicationEvent::ApplicationCreated { owner, name, plan } => {
                shown.owner.clone_from(owner);
                shown.name.clone_from(name);
                shown.plan = Some(*plan);
            }
            ApplicationEvent::ApiProductAdded { product } => {
                shown.products.insert(product.clone());
            }
            ApplicationEvent::ApiProductRemoved { product } => {
                shown.products.remove(product);
            }
            ApplicationEvent::PlanChanged { plan } => shown.plan = Some(*plan),
            ApplicationEvent::OwnerChanged { owner } => shown.owner.clone_from(owner),
            ApplicationEvent::CredentialGenerated { credential, .. } => {
                shown.credentials.insert(credential.clone(), true);
            }
            ApplicationEvent::CredentialExpired { credential } => {
                shown.credentials.insert(credential.clone(), false);
            }
            ApplicationEvent::ApplicationDeleted {} => shown.deleted = true,
        }
        Ok(())
    }
}

/// How often an API product was added to an application and removed from one.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// How often it was added.
    pub added: u64,
    /// How often it was removed.
    pub removed: u64,
}

/// How each API product is used.
#[derive(Debug)]
pub struct ApiProducts;

impl ApiProducts {
    fn product(event: &ApplicationEvent) -> Option<(&String, bool)> {
        match event {
            ApplicationEvent::ApiProductAdded { product } => Some((product, true)),
            ApplicationEvent::ApiProductRemoved { product } => Some((product, false)),
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::OwnerChanged { .. }
            | ApplicationEvent::CredentialGenerated { .. }
            | ApplicationEvent::CredentialExpired { .. }
            | ApplicationEvent::ApplicationDeleted {} => None,
        }
    }

    fn count<'a>(usage: &'a mut Usage, event: &ApplicationEvent) -> Option<&'a mut u64> {
        let (_, is_added) = Self::product(event)?;
        Some(match is_added {
            true => &mut usage.added,
            false => &mut usage.removed,
        })
    }
}

impl MultiStreamProjection for ApiProducts {
    type Event = ApplicationEvent;
    type Row = Usage;
    const NAME: &'static str = "api-products";

    fn keys(event: &Envelope<ApplicationEvent>) -> Result<Vec<String>, Rejection> {
        let product = Self::product(&event.data);
        Ok(product
            .map(|(product, _)| product.clone())
            .into_iter()
            .collect())
    }

    fn apply(
        _: &str,
        usage: &mut Usage,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        if let Some(count) = Self::count(usage, &event.data) {
            *count += 1;
        }
        Ok(())
    }

    fn revert(
        key: &str,
        usage: &mut Usage,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        if let Some(count) = Self::count(usage, &event.data) {
            let not_counted = || Rejection::new(format!("`{key}` was not counted that often"));
            *count = count.checked_sub(1).ok_or_else(not_counted)?;
        }
        Ok(())
    }
}

/// What was begun for an application.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// Each thing, by its event's type, with the reason.
    pub begun: Vec<(String, Reason)>,
}

/// What was begun for each application.
#[derive(Debug)]
pub struct CampaignsOfApplications;

impl SingleStreamProjection for CampaignsOfApplications {
    type Event = CampaignEvent;
    type Row = Begun;
    const NAME: &'static str = "campaigns";

    fn apply(begun: &mut Begun, event: &Envelope<CampaignEvent>) -> Result<(), Rejection> {
        let (CampaignEvent::CampaignStarted { reason, .. }
        | CampaignEvent::SurveyStarted { reason, .. }
        | CampaignEvent::OfferMade { reason, .. }) = &event.data;
        begun.begun.push((event.event_type().to_string(), *reason));
        Ok(())
    }
}
