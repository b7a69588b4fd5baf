//! Mails to a server that takes them, or does not.

use super::{answered, never, outside_of, send, unclear, unsent};
use crate::post_office::{
    Does::{self, Closes, Replies, Sleeps},
    PostOffice,
};
use rewind::Mail;
use rewind_aws::outside::{Config, Credentials, Outside};
use serde_json::{Value, json};

pub fn mail() -> Mail {
    Mail {
        to: vec!["Ann <ann@example.org>".into(), "bob@example.org".into()],
        subject: "Your order".into(),
        text: "Hello Ann,\n.\nyour order is on its way.\n".into(),
    }
}

fn through(port: u16, more: Value, credentials: Credentials) -> Outside {
    let mut smtp = json!({
        "host": "127.0.0.1", "port": port, "tls": "none",
        "from": "Shop <shop@example.org>", "timeout_seconds": 1,
    });
    let members = smtp.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    outside_of(&json!({"pay": {"smtp": smtp}}), credentials)
}

/// A server that does something at a step, and the way to it.
fn office(does: &[(&'static str, Does)]) -> (PostOffice, Outside) {
    let office = PostOffice::start(does);
    let outside = through(office.port, json!({}), Credentials::none());
    (office, outside)
}

#[tokio::test]
async fn a_mail_arrives_and_has_the_same_id_each_time() {
    let (office, outside) = office(&[]);
    for _ in 0..2 {
        let (status, body) = answered(send(&outside, mail()).await);
        assert_eq!((status, body), (250, json!("2.0.0 queued as 7")));
    }
    let told = office.told();
    assert_eq!(
        told.lines[..5],
        [
            "EHLO example.org",
            "MAIL FROM:<shop@example.org>",
            "RCPT TO:<ann@example.org>",
            "RCPT TO:<bob@example.org>",
            "DATA",
        ]
    );
    assert_eq!(told.mails.len(), 2);
    for mail in told.mails {
        for line in [
            "From: Shop <shop@example.org>",
            "To: Ann <ann@example.org>, bob@example.org",
            "Subject: Your order",
            "Message-ID: <charge-1%2Fpayments@example.org>",
            "X-Rewind-Key: charge-1%2Fpayments",
            "Content-Type: text/plain; charset=utf-8",
        ] {
            assert!(
                mail.lines().any(|of_mail| of_mail == line),
                "{line}\n{mail}"
            );
        }
        let text = "\r\n\r\nHello Ann,\r\n.\r\nyour order is on its way.\r\n";
        assert!(mail.contains(text), "{mail}");
    }
}

#[tokio::test]
async fn a_reply_that_is_final_is_an_answer() {
    for verb in ["MAIL", "RCPT", "DATA", "text"] {
        let (office, outside) = office(&[(verb, Replies("550-5.1.1 no\r\n550 such user"))]);
        let (status, body) = answered(send(&outside, mail()).await);
        assert_eq!(status, 550, "{verb}");
        assert!(
            body.as_str().unwrap().contains("such user"),
            "{verb}: {body}"
        );
        assert_eq!(office.told().mails.len(), usize::from(verb == "text"));
    }
}

#[tokio::test]
async fn a_reply_that_passes_has_not_acted() {
    for verb in ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "text"] {
        let (_told, outside) = office(&[(verb, Replies("451 4.7.1 greylisted"))]);
        let reason = unsent(send(&outside, mail()).await);
        assert!(reason.contains("451"), "{verb}: {reason}");
    }
    let (told, outside) = office(&[("DATA", Replies("250 one step ahead"))]);
    unsent(send(&outside, mail()).await);
    assert!(told.told().mails.is_empty());
    // A server that takes no mails at all says nothing about this one.
    let (_office, outside) = office(&[("greeting", Replies("554 not here"))]);
    unsent(send(&outside, mail()).await);
}

#[tokio::test]
async fn a_conversation_that_breaks_may_have_acted_once_the_mail_is_given() {
    let steps = ["greeting", "EHLO", "RCPT", "DATA", "text"];
    let each = [Closes, Sleeps].map(|does| steps.map(|verb| (verb, does)));
    let each = each.concat().into_iter().map(|(verb, does)| async move {
        let (office, outside) = office(&[(verb, does)]);
        let sent = send(&outside, mail()).await;
        match verb {
            "text" => unclear(sent),
            _ => unsent(sent),
        };
        let mails = office.told().mails.len();
        assert_eq!(mails, usize::from(verb == "text"), "{verb}");
    });
    futures::future::join_all(each).await;
    let outside = through(1, json!({}), Credentials::none());
    unsent(send(&outside, mail()).await);
}

#[tokio::test]
async fn a_server_that_does_not_encrypt_is_not_given_anything() {
    let office = PostOffice::start(&[]);
    let outside = through(office.port, json!({"tls": "starttls"}), Credentials::none());
    unsent(send(&outside, mail()).await);
    let lines = office.told().lines;
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("EHLO") || line == "QUIT"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn credentials_are_given_and_read_again_after_a_refusal() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secrets.json");
    let account = json!({"username": "shop", "password": "pass word"});
    let secrets = json!({"smtp": account, "same": account.to_string(), "text": "shop"});
    std::fs::write(&file, secrets.to_string()).unwrap();
    let with = |office: &PostOffice, name: &str| {
        through(
            office.port,
            json!({"credentials": name}),
            Credentials::file(&file),
        )
    };
    let office = PostOffice::start(&[]);
    for account in ["smtp", "same"] {
        answered(send(&with(&office, account), mail()).await);
    }
    assert_eq!(office.told().users, ["shop pass word"; 2]);
    let reason = unsent(send(&with(&office, "text"), mail()).await);
    assert!(reason.contains("username"), "{reason}");
    let refusing = PostOffice::start(&[("AUTH", Replies("535 5.7.8 no"))]);
    let reason = unsent(send(&with(&refusing, "smtp"), mail()).await);
    assert!(
        reason.contains("535") && !reason.contains("word"),
        "{reason}"
    );
    assert!(refusing.told().mails.is_empty());
}

#[tokio::test]
async fn a_mail_that_is_none_is_never_sent() {
    let (office, outside) = office(&[]);
    for to in [&[][..], &["ann"], &["ann@example.org", "a@b>\r\nDATA"]] {
        let to = to.iter().map(ToString::to_string).collect();
        never(send(&outside, Mail { to, ..mail() }).await);
    }
    assert!(office.told().lines.is_empty());
}

#[test]
fn credentials_go_over_no_network_in_plain_text() {
    let smtp = json!({"host": "smtp.example", "tls": "none", "from": "a@b.example"});
    let read = |smtp: &Value| {
        let gateways = json!({"mail": {"smtp": smtp}}).to_string();
        let config = Config::read(&gateways, "smtp.example").unwrap();
        Outside::new(&config, Credentials::none())
    };
    assert!(read(&smtp).is_ok());
    let mut with = smtp.clone();
    with["credentials"] = json!("smtp");
    assert!(
        read(&with)
            .unwrap_err()
            .to_string()
            .contains("mail.smtp.tls")
    );
    let mut strange = smtp;
    strange["from"] = json!("Shop");
    assert!(
        read(&strange)
            .unwrap_err()
            .to_string()
            .contains("mail.smtp.from")
    );
}

#[tokio::test]
async fn a_server_that_closes_again_and_again_is_left_alone() {
    let (office, outside) = office(&[("EHLO", Replies("421 4.3.2 closing"))]);
    for _ in 0..8 {
        unsent(send(&outside, mail()).await);
    }
    let lines = office.told().lines;
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("EHLO")).count(),
        5
    );
}
