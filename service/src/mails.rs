//! Mails to people, through the gateway `mail`.

use rewind::{Answer, Done, Emit, Gateway, Mail, Rejection, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A mail to one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Letter {
    /// What it is about, such as `order-7`: mails about one thing are sent in
    /// order.
    pub about: String,
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// The gateway of mails. What was sent cannot be taken back; a letter that should
/// have said something else is followed by one that says so.
#[derive(Debug)]
pub struct Mails;

impl Gateway for Mails {
    type Action = Letter;
    const NAME: &'static str = "mail";

    fn key(letter: &Letter) -> String {
        letter.about.clone()
    }

    fn request(letter: &Letter) -> Result<Request, Rejection> {
        Ok(mail(letter, letter.subject.clone()))
    }

    fn answered(_: &Letter, _: &Answer) -> Result<Vec<Emit>, Rejection> {
        Ok(vec![])
    }

    fn correct(_: &Done<Letter>, new: &Letter) -> Result<Vec<Request>, Rejection> {
        Ok(vec![mail(new, format!("Correction: {}", new.subject))])
    }
}

fn mail(letter: &Letter, subject: String) -> Request {
    let mail = Mail {
        to: vec![letter.to.clone()],
        subject,
        text: letter.text.clone(),
    };
    mail.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::gateway;
    use serde_json::json;

    fn letter(text: &str) -> Letter {
        Letter {
            about: "order-7".into(),
            to: "ann@example.org".into(),
            subject: "Your order 7".into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_letter_is_a_mail_and_a_wrong_one_is_followed_by_another() {
        let sent = Mail {
            to: vec!["ann@example.org".into()],
            subject: "Your order 7".into(),
            text: "It is on its way.".into(),
        };
        let corrected = Mail {
            subject: "Correction: Your order 7".into(),
            text: "It was cancelled.".into(),
            ..sent.clone()
        };
        gateway::<Mails>(&letter("It is on its way."))
            .then_request(sent.into())
            .answered(250, json!("queued"))
            .then([])
            .corrected_to(&letter("It was cancelled."), [corrected.into()]);
    }
}
