//! An application, in the stream `application-<id>`.

use rewind::{Aggregate, Command, Decision, Envelope, Event, Timestamp, Unique, unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What an application pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// Nothing.
    Free,
    /// A price.
    Paid,
}

/// What may be asked of an application.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub enum ApplicationCommand {
    CreateApplication {
        owner: String,
        name: String,
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
    /// `expires` is RFC 3339.
    GenerateCredential {
        credential: String,
        #[schemars(with = "String")]
        expires: Timestamp,
    },
    ExpireCredential {
        credential: String,
    },
    DeleteApplication {},
}

impl Command for ApplicationCommand {
    type Aggregate = Application;
}

/// What happens to an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names of fields say it")]
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
    },
    CredentialGenerated {
        credential: String,
        #[schemars(with = "String")]
        expires: Timestamp,
    },
    CredentialExpired {
        credential: String,
    },
    ApplicationDeleted {},
}

impl Event for ApplicationEvent {
    const CATEGORY: &'static str = "application";
}

/// Why a command is refused.
#[derive(Debug, PartialEq, Serialize, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ApplicationRejection {
    #[error("the application is there already")]
    AlreadyCreated,
    #[error("there is no such application")]
    NotCreated,
    #[error("the application is deleted")]
    Deleted,
    #[error("the owner has an application of this name")]
    NameTaken,
    #[error("the application uses the API product already")]
    ProductAlreadyAdded,
    #[error("the application does not use the API product")]
    NoSuchProduct,
    #[error("the application has this plan already")]
    SamePlan,
    #[error("the application has this owner already")]
    SameOwner,
    #[error("there is a credential of this name already")]
    CredentialExists,
    #[error("there is no such credential")]
    NoSuchCredential,
    #[error("the credential has expired already")]
    AlreadyExpired,
}

/// An application as its commands see it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// `None` before it is created.
    pub present: Option<Present>,
    /// Whether it is deleted, for good.
    pub is_deleted: bool,
}

/// An application that is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Present {
    /// Whose it is.
    pub owner: String,
    /// Its name: the owner has no other one of this name.
    pub name: String,
    /// What it pays.
    pub plan: Plan,
    /// The API products that it uses.
    pub products: BTreeSet<String>,
    /// Its credentials, and whether they are valid.
    pub credentials: BTreeMap<String, bool>,
}

/// An owner's applications have different names.
fn name_of(owner: &str, name: &str) -> Unique {
    unique("name", &(owner, name))
}

impl Aggregate for Application {
    type Command = ApplicationCommand;
    type Event = ApplicationEvent;
    type Rejection = ApplicationRejection;

    fn decide(
        &self,
        command: ApplicationCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, ApplicationRejection> {
        use ApplicationCommand as C;
        use ApplicationEvent as E;
        use ApplicationRejection as R;
        if let C::CreateApplication { owner, name, plan } = command {
            if self.is_deleted || self.present.is_some() {
                return Err(R::AlreadyCreated);
            }
            let unique = name_of(&owner, &name);
            let created = E::ApplicationCreated { owner, name, plan };
            return Ok(Decision::from([created]).claim(unique, R::NameTaken));
        }
        let missing = match self.is_deleted {
            true => R::Deleted,
            false => R::NotCreated,
        };
        let present = self.present.as_ref().ok_or(missing)?;
        let valid = |credential: &str| present.credentials.get(credential).copied();
        Ok(match command {
            C::CreateApplication { .. } => return Err(R::AlreadyCreated),
            C::AddApiProduct { product } if present.products.contains(&product) => {
                return Err(R::ProductAlreadyAdded);
            }
            C::AddApiProduct { product } => [E::ApiProductAdded { product }].into(),
            C::RemoveApiProduct { product } if !present.products.contains(&product) => {
                return Err(R::NoSuchProduct);
            }
            C::RemoveApiProduct { product } => [E::ApiProductRemoved { product }].into(),
            C::ChangePlan { plan } if plan == present.plan => return Err(R::SamePlan),
            C::ChangePlan { plan } => [E::PlanChanged { plan }].into(),
            C::ChangeOwner { owner } if owner == present.owner => return Err(R::SameOwner),
            C::ChangeOwner { owner } => {
                let claimed = name_of(&owner, &present.name);
                let released = name_of(&present.owner, &present.name);
                Decision::from([E::OwnerChanged { owner }])
                    .claim(claimed, R::NameTaken)
                    .release(released)
            }
            C::GenerateCredential {
                credential,
                expires,
            } => match valid(&credential) {
                Some(_) => return Err(R::CredentialExists),
                None => [E::CredentialGenerated {
                    credential,
                    expires,
                }]
                .into(),
            },
            C::ExpireCredential { credential } => match valid(&credential) {
                None => return Err(R::NoSuchCredential),
                Some(false) => return Err(R::AlreadyExpired),
                Some(true) => [E::CredentialExpired { credential }].into(),
            },
            C::DeleteApplication {} => {
                let released = name_of(&present.owner, &present.name);
                Decision::from([E::ApplicationDeleted {}]).release(released)
            }
        })
    }

    fn evolve(&mut self, event: &Envelope<ApplicationEvent>) {
        use ApplicationEvent as E;
        if let E::ApplicationCreated { owner, name, plan } = &event.data {
            self.present = Some(Present {
                owner: owner.clone(),
                name: name.clone(),
                plan: *plan,
                products: BTreeSet::new(),
                credentials: BTreeMap::new(),
            });
            return;
        }
        let Some(present) = &mut self.present else {
            return;
        };
        match &event.data {
            E::ApplicationCreated { .. } => {}
            E::ApiProductAdded { product } => {
                present.products.insert(product.clone());
            }
            E::ApiProductRemoved { product } => {
                present.products.remove(product);
            }
            E::PlanChanged { plan } => present.plan = *plan,
            E::OwnerChanged { owner } => present.owner.clone_from(owner),
            E::CredentialGenerated { credential, .. } => {
                present.credentials.insert(credential.clone(), true);
            }
            E::CredentialExpired { credential } => {
                present.credentials.insert(credential.clone(), false);
            }
            E::ApplicationDeleted {} => {
                self.present = None;
                self.is_deleted = true;
            }
        }
    }
}
