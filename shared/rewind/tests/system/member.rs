//! Members of the library: each has an e-mail address of their own.

use rewind::{Aggregate, Command, Decision, Envelope, Event, Timestamp, unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum MemberEvent {
    MemberJoined { email: String },
    FineCharged { book: String },
    MemberLeft { email: String },
}

impl Event for MemberEvent {
    const CATEGORY: &'static str = "member";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum MemberCommand {
    Join { email: String },
    ChargeFine { book: String },
    Leave {},
}

impl Command for MemberCommand {
    type Aggregate = Member;
}

#[derive(Debug, Serialize, thiserror::Error)]
pub enum MemberRejection {
    #[error("the address is another member's")]
    EmailTaken,
    #[error("there is no such member")]
    NoMember,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub email: Option<String>,
}

impl Aggregate for Member {
    type Command = MemberCommand;
    type Event = MemberEvent;
    type Rejection = MemberRejection;

    fn decide(
        &self,
        command: MemberCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, MemberRejection> {
        let own = self.email.clone().ok_or(MemberRejection::NoMember);
        Ok(match command {
            // Who has joined has joined.
            MemberCommand::Join { email } if own.as_ref().is_ok_and(|own| *own == email) => {
                Decision::nothing()
            }
            MemberCommand::Join { email } => {
                let value = unique("email", &email);
                let joined = Decision::from([MemberEvent::MemberJoined { email }]);
                joined.claim(value, MemberRejection::EmailTaken)
            }
            MemberCommand::ChargeFine { book } => {
                own?;
                [MemberEvent::FineCharged { book }].into()
            }
            MemberCommand::Leave {} => {
                let email = own?;
                let value = unique("email", &email);
                Decision::from([MemberEvent::MemberLeft { email }]).release(value)
            }
        })
    }

    fn evolve(&mut self, event: &Envelope<MemberEvent>) {
        match &event.data {
            MemberEvent::MemberJoined { email } => self.email = Some(email.clone()),
            MemberEvent::FineCharged { .. } => {}
            MemberEvent::MemberLeft { .. } => self.email = None,
        }
    }
}
