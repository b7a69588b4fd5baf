//! One conversation with a mail server.

use super::message::Letter;
use crate::outside::{circuit::Contact, sent::Sent};
use lettre::transport::smtp::{
    Error,
    authentication::{Credentials as User, Mechanism},
    client::{AsyncSmtpConnection, TlsParameters},
    commands::{Data, Mail, Rcpt},
    extension::ClientId,
};
use rewind::Answer;
use serde_json::Value;
use std::{error::Error as _, fmt, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};

/// Replies that refuse the credentials, or ask for some. Source: RFC 4954,
/// section 6.
const REFUSALS: [u16; 4] = [530, 534, 535, 538];

/// The reply of a server that is about to close. Source: RFC 5321, section 3.8.
const CLOSING: u16 = 421;

/// The reply of a server that waits for the text of a mail.
const GO_ON: u16 = 354;

/// A goodbye takes no longer. The mail does not depend on it.
const GOODBYE: Duration = Duration::from_secs(1);

/// A mail server, and how to talk to it.
pub(super) struct Server {
    pub host: String,
    pub port: u16,
    /// Whether TLS begins after a greeting in plain text.
    pub is_greeted_first: bool,
    /// `None` talks in plain text.
    pub tls: Option<TlsParameters>,
    pub hello: ClientId,
    pub timeout: Duration,
}

/// What came of a mail.
pub(super) struct Handed {
    pub sent: Sent,
    pub contact: Contact,
    /// Whether the server has refused the credentials.
    pub is_refusal: bool,
}

/// How far a conversation has come. Only behind the last step may the server have
/// taken the mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Greeting,
    Envelope,
    Text,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Server {
    /// Hands a mail to the server.
    pub async fn hand(&self, letter: &Letter, user: Option<&User>) -> Handed {
        let deadline = Instant::now() + self.timeout;
        let greeted = match timeout_at(deadline, self.greeted(user)).await {
            Ok(greeted) => greeted,
            Err(_) => return late(Step::Greeting),
        };
        let mut connection = match greeted {
            Ok(connection) => connection,
            Err(error) => return failed(Step::Greeting, &error),
        };
        let given = Self::given(&mut connection, letter, deadline).await;
        let _ = timeout(GOODBYE, connection.abort()).await;
        given
    }

    /// Gives a mail over a connection.
    async fn given(
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
        deadline: Instant,
    ) -> Handed {
        match timeout_at(deadline, addressed(connection, letter)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => {
                let why = "the mail server does not wait for a text";
                return handed(Sent::unsent(why), Contact::Failing);
            }
            Ok(Err(error)) => return failed(Step::Envelope, &error),
            Err(_) => return late(Step::Envelope),
        }
        match timeout_at(deadline, connection.message(&letter.text)).await {
            Ok(Ok(reply)) => {
                let code = u16::from(reply.code());
                let text = reply.message().collect::<Vec<_>>().join("\n");
                let sent = match code {
                    200..300 => answered(code, text),
                    _ => Sent::unclear(format!("the mail server has answered {code}")),
                };
                handed(sent, Contact::Well)
            }
            Ok(Err(error)) => failed(Step::Text, &error),
            Err(_) => late(Step::Text),
        }
    }

    /// Connects, up to where a mail can be given.
    async fn greeted(&self, user: Option<&User>) -> Result<AsyncSmtpConnection, Error> {
        let at_once = self.tls.clone().filter(|_| !self.is_greeted_first);
        let (address, hello) = ((&*self.host, self.port), &self.hello);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, None, hello, at_once, None).await?;
        if let Some(tls) = &self.tls
            && self.is_greeted_first
        {
            // It fails where the server offers none.
            connection.starttls(tls.clone(), hello).await?;
        }
        if let Some(user) = user {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, user).await?;
        }
        Ok(connection)
    }
}

/// Says from whom to whom, and whether the server then waits for the text. Replies
/// that somebody has put in front of STARTTLS would be one step ahead, and so no
/// [`GO_ON`] would stand here.
async fn addressed(connection: &mut AsyncSmtpConnection, letter: &Letter) -> Result<bool, Error> {
    let envelope = &letter.envelope;
    let from = Mail::new(envelope.from().cloned(), Vec::new());
    connection.command(from).await?;
    for to in envelope.to() {
        connection
            .command(Rcpt::new(to.clone(), Vec::new()))
            .await?;
    }
    Ok(connection.command(Data).await?.has_code(GO_ON))
}

/// What an error means. A reply decides at each step: who replies has not acted.
fn failed(step: Step, error: &Error) -> Handed {
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let Some(code) = error.status().map(u16::from) else {
        let why = error.to_string();
        let sent = match step {
            Step::Text => Sent::unclear(why),
            Step::Greeting | Step::Envelope => Sent::unsent(why),
        };
        return handed(sent, Contact::Failing);
    };
    let is_refusal = REFUSALS.contains(&code);
    // Before there is a mail, a reply is not about the mail.
    let is_answer = error.is_permanent() && !is_refusal && step != Step::Greeting;
    let sent = match is_answer {
        true => answered(code, words),
        false => Sent::unsent(format!("the mail server has answered {code} {words}")),
    };
    let contact = match code == CLOSING || (step == Step::Greeting && !is_refusal) {
        true => Contact::Failing,
        false => Contact::Well,
    };
    Handed {
        is_refusal,
        ..handed(sent, contact)
    }
}

fn late(step: Step) -> Handed {
    let sent = match step {
        Step::Text => Sent::unclear("no reply in time, after the mail was given"),
        _ => Sent::unsent("no reply in time, before the mail was given"),
    };
    handed(sent, Contact::Failing)
}

fn answered(status: u16, text: String) -> Sent {
    let body = Value::from(text);
    Sent::Answered(Answer { status, body })
}

fn handed(sent: Sent, contact: Contact) -> Handed {
    Handed {
        sent,
        contact,
        is_refusal: false,
    }
}
