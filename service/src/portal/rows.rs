//! The rows of the portal: applications by themselves, by owner and by API
//! product; campaigns by application and by owner.

use super::{
    application::{ApplicationEvent, Plan},
    campaigns::{CampaignEvent, Reason},
    id_of,
};
use rewind::{
    Envelope, MultiStreamProjection, Rejection, SecondaryKey, SingleStreamProjection, Table,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

// Applications.

/// An application as readers see it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct ApplicationRow {
    pub owner: String,
    pub name: String,
    pub plan: Plan,
    pub products: BTreeSet<String>,
    /// Whether each is valid.
    pub credentials: BTreeMap<String, bool>,
    pub deleted: bool,
}

/// Each application. What a removal took out is not in the row, so there is no
/// `revert`: the stream is folded again. What becomes of a row is told as
/// `application-insert` and `application-update`.
#[derive(Debug)]
pub struct Applications;

impl SingleStreamProjection for Applications {
    type Event = ApplicationEvent;
    type Row = ApplicationRow;
    const NAME: &'static str = "applications";
    const FEED: Option<&'static str> = Some("application");

    fn secondary_key() -> Option<SecondaryKey<ApplicationRow>> {
        let owner = |row: &ApplicationRow| Some(row.owner.clone());
        Some(SecondaryKey::named("owner", owner))
    }

    fn table() -> Option<Table<ApplicationRow>> {
        let table = Table::named("applications")
            .column("owner", |_, row: &ApplicationRow| row.owner.clone())
            .column("name", |_, row: &ApplicationRow| row.name.clone())
            .column("is_paid", |_, row: &ApplicationRow| row.plan == Plan::Paid)
            .column("products", |_, row: &ApplicationRow| json!(row.products))
            .column("deleted", |_, row: &ApplicationRow| row.deleted);
        Some(table)
    }

    fn apply(
        row: &mut ApplicationRow,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        match &event.data {
            ApplicationEvent::ApplicationCreated { owner, name, plan } => {
                row.owner.clone_from(owner);
                row.name.clone_from(name);
                row.plan = *plan;
            }
            ApplicationEvent::ApiProductAdded { product } => {
                row.products.insert(product.clone());
            }
            ApplicationEvent::ApiProductRemoved { product } => {
                row.products.remove(product);
            }
            ApplicationEvent::PlanChanged { plan } => row.plan = *plan,
            ApplicationEvent::OwnerChanged { owner, .. } => row.owner.clone_from(owner),
            ApplicationEvent::CredentialGenerated { credential, .. } => {
                row.credentials.insert(credential.clone(), true);
            }
            ApplicationEvent::CredentialExpired { credential } => {
                row.credentials.insert(credential.clone(), false);
            }
            ApplicationEvent::ApplicationDeleted { .. } => row.deleted = true,
        }
        Ok(())
    }
}

// Applications by owner.

/// The applications of an owner.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Owned {
    /// How often each came to the owner and did not leave: once, for those that
    /// the owner has. It is a count so that events can be taken back in any
    /// order.
    pub applications: BTreeMap<String, i64>,
}

/// Which applications each owner has.
#[derive(Debug)]
pub struct ApplicationsByOwner;

impl ApplicationsByOwner {
    /// Who gets an application, and who loses it.
    fn moves(event: &ApplicationEvent) -> Vec<(&str, i64)> {
        match event {
            ApplicationEvent::ApplicationCreated { owner, .. } => vec![(owner, 1)],
            ApplicationEvent::OwnerChanged { owner, from } => vec![(from, -1), (owner, 1)],
            ApplicationEvent::ApplicationDeleted { owner, .. } => vec![(owner, -1)],
            ApplicationEvent::ApiProductAdded { .. }
            | ApplicationEvent::ApiProductRemoved { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::CredentialGenerated { .. }
            | ApplicationEvent::CredentialExpired { .. } => vec![],
        }
    }

    fn fold(key: &str, owned: &mut Owned, event: &Envelope<ApplicationEvent>, sign: i64) {
        let application = owned.applications.entry(id_of(event.stream())).or_default();
        let moves = Self::moves(&event.data).into_iter();
        let own = moves.filter(|(owner, _)| *owner == key);
        *application += own.map(|(_, count)| sign * count).sum::<i64>();
        owned.applications.retain(|_, count| *count != 0);
    }
}

impl MultiStreamProjection for ApplicationsByOwner {
    type Event = ApplicationEvent;
    type Row = Owned;
    const NAME: &'static str = "applications-by-owner";

    fn table() -> Option<Table<Owned>> {
        let table = Table::named("applications_by_owner");
        Some(table.column("applications", |_, owned: &Owned| json!(owned.applications)))
    }

    fn keys(event: &Envelope<ApplicationEvent>) -> Result<Vec<String>, Rejection> {
        let moves = Self::moves(&event.data).into_iter();
        Ok(moves.map(|(owner, _)| owner.into()).collect())
    }

    fn apply(
        key: &str,
        owned: &mut Owned,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        Self::fold(key, owned, event, 1);
        Ok(())
    }

    fn revert(
        key: &str,
        owned: &mut Owned,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        Self::fold(key, owned, event, -1);
        Ok(())
    }
}

// Credentials.

/// A credential as readers see it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CredentialRow {
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// Whether it has expired.
    pub expired: bool,
}

/// Each credential, under `<application>/<credential>`. What becomes of a row is
/// told as `credential-insert` and `credential-update`.
#[derive(Debug)]
pub struct CredentialRows;

impl CredentialRows {
    /// The credential that an event is about.
    fn named(event: &ApplicationEvent) -> Option<&str> {
        match event {
            ApplicationEvent::CredentialGenerated { credential, .. }
            | ApplicationEvent::CredentialExpired { credential } => Some(credential),
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::ApiProductAdded { .. }
            | ApplicationEvent::ApiProductRemoved { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::OwnerChanged { .. }
            | ApplicationEvent::ApplicationDeleted { .. } => None,
        }
    }
}

impl MultiStreamProjection for CredentialRows {
    type Event = ApplicationEvent;
    type Row = CredentialRow;
    const NAME: &'static str = "credentials";
    const FEED: Option<&'static str> = Some("credential");

    fn keys(event: &Envelope<ApplicationEvent>) -> Result<Vec<String>, Rejection> {
        let id = id_of(event.stream());
        let named = Self::named(&event.data).into_iter();
        Ok(named.map(|name| format!("{id}/{name}")).collect())
    }

    fn apply(
        _: &str,
        row: &mut CredentialRow,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        match &event.data {
            ApplicationEvent::CredentialGenerated { expires, .. } => row.expires = Some(*expires),
            _ => row.expired = true,
        }
        Ok(())
    }

    fn revert(
        _: &str,
        row: &mut CredentialRow,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        match &event.data {
            ApplicationEvent::CredentialGenerated { .. } => row.expires = None,
            _ => row.expired = false,
        }
        Ok(())
    }
}

// API products.

/// How much an API product is used.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// By how many applications. It has a sign, because what was added may be
    /// taken back where its removal stays.
    pub applications: i64,
}

/// How many applications use each API product.
#[derive(Debug)]
pub struct ApiProducts;

impl ApiProducts {
    fn change(event: &ApplicationEvent) -> i64 {
        match event {
            ApplicationEvent::ApiProductAdded { .. } => 1,
            ApplicationEvent::ApiProductRemoved { .. }
            | ApplicationEvent::ApplicationDeleted { .. } => -1,
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::OwnerChanged { .. }
            | ApplicationEvent::CredentialGenerated { .. }
            | ApplicationEvent::CredentialExpired { .. } => 0,
        }
    }
}

impl MultiStreamProjection for ApiProducts {
    type Event = ApplicationEvent;
    type Row = Usage;
    const NAME: &'static str = "api-products";

    fn table() -> Option<Table<Usage>> {
        let table = Table::named("api_products");
        Some(table.column("applications", |_, usage: &Usage| usage.applications))
    }

    fn keys(event: &Envelope<ApplicationEvent>) -> Result<Vec<String>, Rejection> {
        Ok(match &event.data {
            ApplicationEvent::ApiProductAdded { product }
            | ApplicationEvent::ApiProductRemoved { product } => vec![product.clone()],
            ApplicationEvent::ApplicationDeleted { products, .. } => {
                products.iter().cloned().collect()
            }
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::OwnerChanged { .. }
            | ApplicationEvent::CredentialGenerated { .. }
            | ApplicationEvent::CredentialExpired { .. } => vec![],
        })
    }

    fn apply(
        _: &str,
        usage: &mut Usage,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        usage.applications += Self::change(&event.data);
        Ok(())
    }

    fn revert(
        _: &str,
        usage: &mut Usage,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<(), Rejection> {
        usage.applications -= Self::change(&event.data);
        Ok(())
    }
}

// Campaigns.

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

    fn table() -> Option<Table<Begun>> {
        let table = Table::named("campaigns");
        Some(table.column("begun", |_, begun: &Begun| json!(begun.begun)))
    }

    fn apply(begun: &mut Begun, event: &Envelope<CampaignEvent>) -> Result<(), Rejection> {
        let (CampaignEvent::CampaignStarted { reason, .. }
        | CampaignEvent::SurveyStarted { reason, .. }
        | CampaignEvent::OfferMade { reason, .. }) = &event.data;
        begun.begun.push((event.event_type().to_string(), *reason));
        Ok(())
    }
}

// Campaigns by owner.

/// How much was begun for an owner.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct Contacts {
    pub campaigns: u64,
    pub surveys: u64,
    pub offers: u64,
}

/// How many campaigns, surveys and offers each owner got, for all applications.
#[derive(Debug)]
pub struct CampaignsByOwner;

impl CampaignsByOwner {
    fn count<'a>(contacts: &'a mut Contacts, event: &CampaignEvent) -> &'a mut u64 {
        match event {
            CampaignEvent::CampaignStarted { .. } => &mut contacts.campaigns,
            CampaignEvent::SurveyStarted { .. } => &mut contacts.surveys,
            CampaignEvent::OfferMade { .. } => &mut contacts.offers,
        }
    }
}

impl MultiStreamProjection for CampaignsByOwner {
    type Event = CampaignEvent;
    type Row = Contacts;
    const NAME: &'static str = "campaigns-by-owner";

    fn table() -> Option<Table<Contacts>> {
        let table = Table::named("campaigns_by_owner")
            .column("campaigns", |_, contacts: &Contacts| contacts.campaigns)
            .column("surveys", |_, contacts: &Contacts| contacts.surveys)
            .column("offers", |_, contacts: &Contacts| contacts.offers);
        Some(table)
    }

    fn keys(event: &Envelope<CampaignEvent>) -> Result<Vec<String>, Rejection> {
        let (CampaignEvent::CampaignStarted { owner, .. }
        | CampaignEvent::SurveyStarted { owner, .. }
        | CampaignEvent::OfferMade { owner, .. }) = &event.data;
        Ok(vec![owner.clone()])
    }

    fn apply(
        _: &str,
        contacts: &mut Contacts,
        event: &Envelope<CampaignEvent>,
    ) -> Result<(), Rejection> {
        *Self::count(contacts, &event.data) += 1;
        Ok(())
    }

    fn revert(
        key: &str,
        contacts: &mut Contacts,
        event: &Envelope<CampaignEvent>,
    ) -> Result<(), Rejection> {
        let count = Self::count(contacts, &event.data);
        let not_counted = || Rejection::new(format!("`{key}` was not counted that often"));
        *count = count.checked_sub(1).ok_or_else(not_counted)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
