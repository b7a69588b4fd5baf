//! A call of a gateway: for this action, then this request; when it is answered
//! like this, then these events.

use crate::{Answer, Done, Emit, Gateway, Rejection, Request, misfit};
use serde_json::Value;
use std::marker::PhantomData;

/// A call of a gateway.
#[derive(Debug)]
#[must_use = "nothing is checked without a `then`"]
pub struct GatewayCall<G: Gateway> {
    action: Value,
    of: PhantomData<fn() -> G>,
}

/// A call that was answered.
#[derive(Debug)]
pub struct Answered<G: Gateway> {
    action: Value,
    answer: Answer,
    of: PhantomData<fn() -> G>,
}

impl<G: Gateway> GatewayCall<G> {
    #[track_caller]
    pub(super) fn new(action: &G::Action) -> Self {
        let action = serde_json::to_value(action).expect("an action that has a JSON");
        Self {
            action,
            of: PhantomData,
        }
    }

    /// Checks what is sent.
    ///
    /// # Panics
    ///
    /// When another request is, or none.
    #[track_caller]
    pub fn then_request(self, expected: Request) -> Self {
        let request = G::request(&read::<G>(&self.action));
        pretty_assertions::assert_eq!(request, Ok(expected));
        self
    }

    /// Checks that nothing can be sent.
    ///
    /// # Panics
    ///
    /// When something is.
    #[track_caller]
    pub fn then_rejected(self) -> Rejection {
        match G::request(&read::<G>(&self.action)) {
            Ok(request) => panic!("not rejected: {request:?}"),
            Err(rejection) => rejection,
        }
    }

    /// When it is answered like this.
    pub fn answered(self, status: u16, body: Value) -> Answered<G> {
        Answered {
            action: self.action,
            answer: Answer { status, body },
            of: PhantomData,
        }
    }

    /// Checks what follows where it has failed for good.
    ///
    /// # Panics
    ///
    /// When anything else follows.
    #[track_caller]
    pub fn failed(self, reason: &str, expected: impl IntoIterator<Item = Emit>) {
        let follows = G::failed(&read::<G>(&self.action), reason);
        pretty_assertions::assert_eq!(follows, Ok(expected.into_iter().collect()));
    }
}

impl<G: Gateway> Answered<G> {
    /// Checks what follows from the answer.
    ///
    /// # Panics
    ///
    /// When anything else follows.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = Emit>) -> Self {
        let follows = G::answered(&read::<G>(&self.action), &self.answer);
        pretty_assertions::assert_eq!(follows, Ok(expected.into_iter().collect()));
        self
    }

    /// Checks what corrects the call where another action should have been asked
    /// for.
    ///
    /// # Panics
    ///
    /// When other requests do.
    #[track_caller]
    pub fn corrected_to(
        self,
        action: &G::Action,
        expected: impl IntoIterator<Item = Request>,
    ) -> Self {
        let requests = G::correct(&self.done(), action);
        pretty_assertions::assert_eq!(requests, Ok(expected.into_iter().collect()));
        self
    }

    /// Checks what takes the call back.
    ///
    /// # Panics
    ///
    /// When other requests do.
    #[track_caller]
    pub fn undone(self, expected: impl IntoIterator<Item = Request>) -> Self {
        let requests = G::undo(&self.done());
        pretty_assertions::assert_eq!(requests, Ok(expected.into_iter().collect()));
        self
    }

    #[track_caller]
    fn done(&self) -> Done<G::Action> {
        Done {
            action: read::<G>(&self.action),
            answer: self.answer.clone(),
            key: "key".into(),
        }
    }
}

/// The action as it is recorded and read.
#[track_caller]
fn read<G: Gateway>(action: &Value) -> G::Action {
    let read = misfit::decode(&action.to_string());
    read.unwrap_or_else(|misfit| panic!("{}: {}", misfit.path("action"), misfit.what()))
}
