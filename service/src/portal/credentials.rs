//! Credentials expire by a deadline.

use super::{
    application::{ApplicationCommand, ApplicationEvent},
    id_of,
};
use rewind::{Action, Envelope, Process, Reached, Rejection};
use std::collections::BTreeSet;

/// A deadline for each credential, under the credential's name. The state holds
/// those that are open, for the day on which the application is deleted.
#[derive(Debug)]
pub struct Credentials;

impl Process for Credentials {
    type Event = ApplicationEvent;
    type State = BTreeSet<String>;
    const NAME: &'static str = "credentials";

    fn key(event: &Envelope<ApplicationEvent>) -> Option<String> {
        match &event.data {
            ApplicationEvent::CredentialGenerated { .. }
            | ApplicationEvent::CredentialExpired { .. }
            | ApplicationEvent::ApplicationDeleted { .. } => Some(id_of(event.stream())),
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::ApiProductAdded { .. }
            | ApplicationEvent::ApiProductRemoved { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::OwnerChanged { .. } => None,
        }
    }

    fn on(
        open: &mut BTreeSet<String>,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<Vec<Action>, Rejection> {
        Ok(match &event.data {
            ApplicationEvent::CredentialGenerated {
                credential,
                expires,
            } => {
                open.insert(credential.clone());
                // One that is in the past fires at once.
                let due = (*expires).max(event.timestamp()?);
                vec![Action::deadline(credential, due)]
            }
            ApplicationEvent::CredentialExpired { credential } => {
                open.remove(credential);
                vec![Action::cancel(credential)]
            }
            ApplicationEvent::ApplicationDeleted { .. } => {
                let open = std::mem::take(open).into_iter();
                open.map(Action::cancel).collect()
            }
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::ApiProductAdded { .. }
            | ApplicationEvent::ApiProductRemoved { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::OwnerChanged { .. } => vec![],
        })
    }

    fn reached(open: &mut BTreeSet<String>, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        let credential = deadline.name.clone();
        open.remove(&credential);
        let expire = ApplicationCommand::ExpireCredential { credential };
        Ok(vec![Action::command(&deadline.key, &expire)?])
    }
}

#[cfg(test)]
mod tests;
