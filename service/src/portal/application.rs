//! An application of a developer, in the stream `application-<id>`.

use rewind::{Aggregate, Command, Decision, Envelope, Event, Timestamp, Unique, unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

// Events.

/// What an application pays.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// Nothing.
    #[default]
    Free,
    /// Something.
    Paid,
}

/// What happens to an application. An event says what rows of many
/// applications need, because they do not know its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum ApplicationEvent {
    ApplicationCreated {
        owner: String,
        name: String,
        plan: Plan,
    },
    ApiProductAdded {
        product: String,
    },
    ApiProductRemoved {
        product: String,
    },
    PlanChanged {
        plan: Plan,
    },
    OwnerChanged {
        owner: String,
        from: String,
    },
    CredentialGenerated {
        credential: String,
        expires: Timestamp,
    },
    CredentialExpired {
        credential: String,
    },
    ApplicationDeleted {
        owner: String,
        products: BTreeSet<String>,
    },
}

impl Event for ApplicationEvent {
    const CATEGORY: &'static str = "application";
}

// Commands.

/// What may be asked of an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
#[serde(deny_unknown_fields)]
pub enum ApplicationCommand {
    CreateApplication {
        owner: String,
        name: String,
        /// Without it, the plan is free.
        #[serde(default)]
        plan: Plan,
    },
    AddApiProduct {
        product: String,
    },
    RemoveApiProduct {
        product: String,
    },
    ChangePlan {
        plan: Plan,
    },
    ChangeOwner {
        owner: String,
    },
    GenerateCredential {
        /// Its name, not its secret.
        credential: String,
        /// A time in the past is taken: the credential then expires at once.
        expires: Timestamp,
    },
    ExpireCredential {
        credential: String,
    },
    DeleteApplication,
}

impl Command for ApplicationCommand {
    type Aggregate = Application;
}

// Rejections.

/// The longest owner, name, product or credential, in bytes: they are keys of
/// rows and names of deadlines.
pub const MAX_TEXT: usize = 200;

/// The most API products of an application, and the most credentials that are
/// not expired: the event or the reaction that ends them all has to stay small.
pub const MAX_PARTS: usize = 50;

/// Why an application refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ApplicationRejection {
    #[error("there is no such application")]
    NotCreated,
    #[error("the application was created already")]
    AlreadyCreated,
    #[error("the application was deleted")]
    Deleted,
    #[error("{field}: expected 1 to {MAX_TEXT} bytes without control characters")]
    InvalidText { field: &'static str },
    #[error("{owner} has an application with the name {name} already")]
    NameTaken { owner: String, name: String },
    #[error("the application uses the API product {product} already")]
    ProductAlreadyAdded { product: String },
    #[error("the application does not use the API product {product}")]
    NoSuchProduct { product: String },
    #[error("an application uses at most {most} API products")]
    TooManyProducts { most: usize },
    #[error("the application has this plan already")]
    SamePlan { plan: Plan },
    #[error("the application belongs to {owner} already")]
    SameOwner { owner: String },
    #[error("there was a credential {credential} before; take another name")]
    CredentialExists { credential: String },
    #[error("the application has no credential {credential}")]
    NoSuchCredential { credential: String },
    #[error("the credential {credential} has expired already")]
    AlreadyExpired { credential: String },
    #[error("an application has at most {most} credentials that are not expired")]
    TooManyCredentials { most: usize },
    #[error("what the event says of the application is not so any more")]
    SaysOtherwise,
}

use ApplicationRejection as Rejected;

// State.

/// An application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Application {
    /// It was never created.
    #[default]
    NotCreated,
    /// It is there.
    Active(Details),
    /// It is gone for good.
    Deleted,
}

/// What an application is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct Details {
    pub owner: String,
    pub name: String,
    pub plan: Plan,
    pub products: BTreeSet<String>,
    /// Whether each credential has expired.
    pub credentials: BTreeMap<String, bool>,
}

impl Application {
    fn active(&self) -> Result<&Details, Rejected> {
        match self {
            Self::NotCreated => Err(Rejected::NotCreated),
            Self::Active(details) => Ok(details),
            Self::Deleted => Err(Rejected::Deleted),
        }
    }
}

// Aggregate.

impl Aggregate for Application {
    type Command = ApplicationCommand;
    type Event = ApplicationEvent;
    type Rejection = ApplicationRejection;

    fn decide(
        &self,
        command: ApplicationCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, ApplicationRejection> {
        match command {
            ApplicationCommand::CreateApplication { owner, name, plan } => {
                self.create(owner, name, plan)
            }
            ApplicationCommand::AddApiProduct { product } => self.active()?.add(product),
            ApplicationCommand::RemoveApiProduct { product } => self.active()?.remove(product),
            ApplicationCommand::ChangePlan { plan } => self.active()?.change_plan(plan),
            ApplicationCommand::ChangeOwner { owner } => self.active()?.change_owner(owner),
            ApplicationCommand::GenerateCredential {
                credential,
                expires,
            } => self.active()?.generate(credential, expires),
            ApplicationCommand::ExpireCredential { credential } => {
                self.active()?.expire(credential)
            }
            ApplicationCommand::DeleteApplication => Ok(self.active()?.delete()),
        }
    }

    fn evolve(&mut self, event: &Envelope<ApplicationEvent>) {
        match (&event.data, self) {
            (ApplicationEvent::ApplicationCreated { owner, name, plan }, application) => {
                *application = Self::Active(Details {
                    owner: owner.clone(),
                    name: name.clone(),
                    plan: *plan,
                    ..Details::default()
                });
            }
            (ApplicationEvent::ApplicationDeleted { .. }, application) => {
                *application = Self::Deleted;
            }
            (event, Self::Active(details)) => details.evolve(event),
            (_, Self::NotCreated | Self::Deleted) => {}
        }
    }

    /// An event may happen where the command that asks for it gives just it.
    fn allows(&self, event: &Envelope<ApplicationEvent>) -> Result<(), ApplicationRejection> {
        let command = match event.data.clone() {
            ApplicationEvent::ApplicationCreated { owner, name, plan } => {
                ApplicationCommand::CreateApplication { owner, name, plan }
            }
            ApplicationEvent::ApiProductAdded { product } => {
                ApplicationCommand::AddApiProduct { product }
            }
            ApplicationEvent::ApiProductRemoved { product } => {
                ApplicationCommand::RemoveApiProduct { product }
            }
            ApplicationEvent::PlanChanged { plan } => ApplicationCommand::ChangePlan { plan },
            ApplicationEvent::OwnerChanged { owner, .. } => {
                ApplicationCommand::ChangeOwner { owner }
            }
            ApplicationEvent::CredentialGenerated {
                credential,
                expires,
            } => ApplicationCommand::GenerateCredential {
                credential,
                expires,
            },
            ApplicationEvent::CredentialExpired { credential } => {
                ApplicationCommand::ExpireCredential { credential }
            }
            ApplicationEvent::ApplicationDeleted { .. } => ApplicationCommand::DeleteApplication,
        };
        let decision = self.decide(command, Timestamp::UNIX_EPOCH)?;
        match decision.events() == [event.data.clone()] {
            true => Ok(()),
            false => Err(Rejected::SaysOtherwise),
        }
    }
}

type Decided = Result<Decision<Application>, Rejected>;

impl Application {
    fn create(&self, owner: String, name: String, plan: Plan) -> Decided {
        match self {
            Self::Active(_) => return Err(Rejected::AlreadyCreated),
            Self::Deleted => return Err(Rejected::Deleted),
            Self::NotCreated => {}
        }
        let (owner, name) = (text("owner", owner)?, text("name", name)?);
        let claimed = name_of(&owner, &name);
        let taken = Rejected::NameTaken {
            owner: owner.clone(),
            name: name.clone(),
        };
        let created = ApplicationEvent::ApplicationCreated { owner, name, plan };
        Ok(Decision::from([created]).claim(claimed, taken))
    }
}

impl Details {
    fn add(&self, product: String) -> Decided {
        let product = text("product", product)?;
        if self.products.contains(&product) {
            return Err(Rejected::ProductAlreadyAdded { product });
        }
        if self.products.len() == MAX_PARTS {
            return Err(Rejected::TooManyProducts { most: MAX_PARTS });
        }
        Ok([ApplicationEvent::ApiProductAdded { product }].into())
    }

    fn remove(&self, product: String) -> Decided {
        match self.products.contains(&product) {
            true => Ok([ApplicationEvent::ApiProductRemoved { product }].into()),
            false => Err(Rejected::NoSuchProduct { product }),
        }
    }

    fn change_plan(&self, plan: Plan) -> Decided {
        match self.plan == plan {
            true => Err(Rejected::SamePlan { plan }),
            false => Ok([ApplicationEvent::PlanChanged { plan }].into()),
        }
    }

    /// The name moves with the application: the new owner must not have it.
    fn change_owner(&self, owner: String) -> Decided {
        let owner = text("owner", owner)?;
        if self.owner == owner {
            return Err(Rejected::SameOwner { owner });
        }
        let claimed = name_of(&owner, &self.name);
        let taken = Rejected::NameTaken {
            owner: owner.clone(),
            name: self.name.clone(),
        };
        let changed = ApplicationEvent::OwnerChanged {
            owner,
            from: self.owner.clone(),
        };
        let decision = Decision::from([changed]).claim(claimed, taken);
        Ok(decision.release(name_of(&self.owner, &self.name)))
    }

    fn generate(&self, credential: String, expires: Timestamp) -> Decided {
        let credential = text("credential", credential)?;
        if self.credentials.contains_key(&credential) {
            return Err(Rejected::CredentialExists { credential });
        }
        let valid = self.credentials.values().filter(|expired| !**expired);
        if valid.count() == MAX_PARTS {
            return Err(Rejected::TooManyCredentials { most: MAX_PARTS });
        }
        let generated = ApplicationEvent::CredentialGenerated {
            credential,
            expires,
        };
        Ok([generated].into())
    }

    fn expire(&self, credential: String) -> Decided {
        match self.credentials.get(&credential) {
            None => Err(Rejected::NoSuchCredential { credential }),
            Some(true) => Err(Rejected::AlreadyExpired { credential }),
            Some(false) => Ok([ApplicationEvent::CredentialExpired { credential }].into()),
        }
    }

    fn delete(&self) -> Decision<Application> {
        let deleted = ApplicationEvent::ApplicationDeleted {
            owner: self.owner.clone(),
            products: self.products.clone(),
        };
        Decision::from([deleted]).release(name_of(&self.owner, &self.name))
    }

    /// The details after an event that leaves the application active.
    fn evolve(&mut self, event: &ApplicationEvent) {
        match event {
            ApplicationEvent::ApiProductAdded { product } => {
                self.products.insert(product.clone());
            }
            ApplicationEvent::ApiProductRemoved { product } => {
                self.products.remove(product);
            }
            ApplicationEvent::PlanChanged { plan } => self.plan = *plan,
            ApplicationEvent::OwnerChanged { owner, .. } => self.owner.clone_from(owner),
            ApplicationEvent::CredentialGenerated { credential, .. } => {
                self.credentials.insert(credential.clone(), false);
            }
            ApplicationEvent::CredentialExpired { credential } => {
                self.credentials.insert(credential.clone(), true);
            }
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::ApplicationDeleted { .. } => {}
        }
    }
}

/// A name is unique for its owner.
fn name_of(owner: &str, name: &str) -> Unique {
    unique("name", &(owner, name))
}

fn text(field: &'static str, text: String) -> Result<String, Rejected> {
    let is_right = (1..=MAX_TEXT).contains(&text.len()) && !text.contains(char::is_control);
    match is_right {
        true => Ok(text),
        false => Err(Rejected::InvalidText { field }),
    }
}

#[cfg(test)]
mod tests;
