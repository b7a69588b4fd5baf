//! Accounts: opened for an e-mail address that nobody else has, and money that
//! moves between them.

use rewind::{Aggregate, Command, Decision, Envelope, Event, Expected, Service, Timestamp, unique};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum AccountEvent {
    Opened { email: String },
    Deposited { cents: u64 },
    Withdrawn { cents: u64 },
    Closed {},
}

impl Event for AccountEvent {
    const CATEGORY: &'static str = "account";
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub enum AccountCommand {
    Open {
        email: String,
    },
    Deposit {
        cents: u64,
    },
    Withdraw {
        cents: u64,
    },
    Transfer {
        to: String,
        cents: u64,
        at: Option<u64>,
    },
    /// Into another account, and nothing here.
    Give {
        to: String,
        cents: u64,
    },
    Close {},
    Touch {},
    Panic {},
}

impl Command for AccountCommand {
    type Aggregate = Account;
}

#[derive(Debug, PartialEq, Serialize, thiserror::Error)]
pub enum AccountRejection {
    #[error("the account is open already")]
    Open,
    #[error("the account is not open")]
    NotOpen,
    #[error("only {there} cents are there")]
    NotEnough { there: u64 },
    #[error("the e-mail address has an account")]
    EmailTaken,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Account {
    pub email: Option<String>,
    pub cents: u64,
}

impl Aggregate for Account {
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Rejection = AccountRejection;

    fn decide(
        &self,
        command: AccountCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, AccountRejection> {
        let email = match (&self.email, &command) {
            (Some(_), AccountCommand::Open { .. }) => return Err(AccountRejection::Open),
            (None, AccountCommand::Open { email }) => email,
            (Some(email), _) => email,
            (None, _) => return Err(AccountRejection::NotOpen),
        };
        let enough = |cents: u64| match cents > self.cents {
            true => Err(AccountRejection::NotEnough { there: self.cents }),
            false => Ok(()),
        };
        let email = unique("email", email);
        Ok(match command {
            AccountCommand::Open { email: own } => {
                Decision::from([AccountEvent::Opened { email: own }])
                    .claim(email, AccountRejection::EmailTaken)
            }
            AccountCommand::Deposit { cents } => [AccountEvent::Deposited { cents }].into(),
            AccountCommand::Withdraw { cents } => {
                enough(cents)?;
                [AccountEvent::Withdrawn { cents }].into()
            }
            AccountCommand::Transfer { to, cents, at } => {
                enough(cents)?;
                let expected = at.map_or(Expected::Any, Expected::Version);
                Decision::from([AccountEvent::Withdrawn { cents }]).and(
                    to,
                    expected,
                    [AccountEvent::Deposited { cents }],
                )
            }
            AccountCommand::Give { to, cents } => {
                let given = AccountEvent::Deposited { cents };
                Decision::nothing().and(to, Expected::Any, [given])
            }
            AccountCommand::Close {} => Decision::from([AccountEvent::Closed {}]).release(email),
            AccountCommand::Touch {} => Decision::nothing(),
            AccountCommand::Panic {} => panic!("as it was told"),
        })
    }

    fn evolve(&mut self, event: &Envelope<AccountEvent>) {
        match &event.data {
            AccountEvent::Opened { email } => self.email = Some(email.clone()),
            AccountEvent::Deposited { cents } => self.cents += cents,
            AccountEvent::Withdrawn { cents } => self.cents -= cents,
            AccountEvent::Closed {} => *self = Self::default(),
        }
    }
}

pub fn service() -> Service {
    Service::new().aggregate::<Account>()
}
