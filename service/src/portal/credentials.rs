//! Credentials expire by a deadline.

use super::application::{ApplicationCommand, ApplicationEvent};
use rewind::{Action, Envelope, Process, Reached, Rejection};
use std::collections::BTreeSet;

/// Waits until a credential expires, and says so to its application. The
/// deadline has the credential's name.
#[derive(Debug)]
pub struct Credentials;

impl Process for Credentials {
    type Event = ApplicationEvent;
    /// The credentials that are waited for.
    type State = BTreeSet<String>;
    const NAME: &'static str = "credentials";

    fn key(event: &Envelope<ApplicationEvent>) -> Option<String> {
        Some(event.stream().id().to_string())
    }

    fn on(
        waits: &mut BTreeSet<String>,
        event: &Envelope<ApplicationEvent>,
    ) -> Result<Vec<Action>, Rejection> {
        Ok(match &event.data {
            ApplicationEvent::CredentialGenerated {
                credential,
                expires,
            } => {
                waits.insert(credential.clone());
                vec![Action::deadline(credential, *expires)]
            }
            ApplicationEvent::CredentialExpired { credential } => match waits.remove(credential) {
                true => vec![Action::cancel(credential)],
                false => vec![],
            },
            ApplicationEvent::ApplicationDeleted {} => std::mem::take(waits)
                .into_iter()
                .map(Action::cancel)
                .collect(),
            ApplicationEvent::ApplicationCreated { .. }
            | ApplicationEvent::ApiProductAdded { .. }
            | ApplicationEvent::ApiProductRemoved { .. }
            | ApplicationEvent::PlanChanged { .. }
            | ApplicationEvent::OwnerChanged { .. } => vec![],
        })
    }

    fn reached(waits: &mut BTreeSet<String>, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        waits.remove(&deadline.name);
        let credential = deadline.name.clone();
        let expire = ApplicationCommand::ExpireCredential { credential };
        Ok(vec![Action::command(&deadline.key, &expire)?])
    }
}
