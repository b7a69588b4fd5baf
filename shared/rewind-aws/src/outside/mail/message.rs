//! A mail as it is sent.

use lettre::{
    Message,
    address::Envelope,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rewind::Mail;

/// The longest text. A mail is recorded as an event.
const MAX_TEXT: usize = 1024 * 1024;

/// So many addresses each server takes. Source: RFC 5321, section 4.5.3.1.8.
const MAX_ADDRESSES: usize = 100;

/// The header with the idempotency key, for whoever looks for a mail.
const KEY: HeaderName = HeaderName::new_from_ascii_str("X-Rewind-Key");

/// What an id of a mail may not hold as it is. Source: RFC 5322, section 3.6.4;
/// `%` is one of the characters of an atom.
const NOT_IN_IDS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A mail as it is sent, and to whom.
#[derive(Debug)]
pub(super) struct Letter {
    pub envelope: Envelope,
    pub text: Vec<u8>,
}

impl Letter {
    /// Writes a mail. Its Message-ID is made of the key, so that who gets it
    /// twice can tell.
    ///
    /// # Errors
    ///
    /// When it can never be sent: why.
    pub fn new(from: &Mailbox, mail: &Mail, key: &str) -> Result<Self, String> {
        if mail.to.is_empty() {
            return Err("the mail has no address".into());
        }
        if mail.to.len() > MAX_ADDRESSES {
            return Err(format!("the mail has more than {MAX_ADDRESSES} addresses"));
        }
        if mail.text.len() > MAX_TEXT {
            return Err(format!("the text is longer than {MAX_TEXT} bytes"));
        }
        // Whoever wrote a line break into a subject may have meant a header.
        if mail.subject.contains(char::is_control) {
            return Err("the subject has a control character".into());
        }
        let (local, host) = (utf8_percent_encode(key, NOT_IN_IDS), from.email.domain());
        let mut message = Message::builder()
            .from(from.clone())
            .subject(&mail.subject)
            .message_id(Some(format!("<{local}@{host}>")))
            .raw_header(HeaderValue::new(KEY, local.to_string()))
            .header(ContentType::TEXT_PLAIN);
        for (nth, address) in mail.to.iter().enumerate() {
            // The reason does not repeat the address.
            let to = address.parse::<Mailbox>().ok().filter(is_ascii);
            let to = to.ok_or_else(|| format!("to[{nth}] is no address of mails"))?;
            message = message.to(to);
        }
        let message = message.body(mail.text.clone());
        let message = message.map_err(|error| error.to_string())?;
        Ok(Self {
            envelope: message.envelope().clone(),
            text: message.formatted(),
        })
    }
}

/// Whether every server takes an address; others need the extension SMTPUTF8.
fn is_ascii(mailbox: &Mailbox) -> bool {
    AsRef::<str>::as_ref(&mailbox.email).is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            to: vec!["Ann Lee <ann@example.org>".into(), "bob@example.org".into()],
            subject: "Ihre Bestellung: größer".into(),
            text: "Grüße\n.\nbis bald".into(),
        }
    }

    fn from() -> Mailbox {
        "Shop <shop@example.org>".parse().unwrap()
    }

    #[test]
    fn a_mail_keeps_its_id_whatever_the_key_is() {
        let key = "payments/cart 1@x>\r\nBcc: eve@example.org";
        let letter = Letter::new(&from(), &mail(), key).unwrap();
        let text = String::from_utf8(letter.text).unwrap();
        let id = "Message-ID: <payments%2Fcart%201%40x%3E%0D%0ABcc%3A%20eve%40example%2Eorg@example.org>\r\n";
        assert!(text.contains(id), "{text}");
        assert!(!text.contains("\r\nBcc"), "{text}");
        assert!(text.contains("Content-Type: text/plain; charset=utf-8\r\n"));
        assert!(text.is_ascii(), "{text}");
        assert_eq!(letter.envelope.to().len(), 2);
    }

    #[test]
    fn a_mail_that_is_none_is_refused_without_its_addresses() {
        let made = |change: fn(&mut Mail)| {
            let mut mail = mail();
            change(&mut mail);
            Letter::new(&from(), &mail, "k").unwrap_err()
        };
        assert!(made(|mail| mail.to.clear()).contains("no address"));
        for address in ["ann", "ann@", "a@b\r\nRCPT TO:<e@f.g>", "ü@example.org", ""] {
            let mut mail = mail();
            mail.to[1] = address.into();
            let why = Letter::new(&from(), &mail, "k").unwrap_err();
            assert_eq!(why, "to[1] is no address of mails", "{address}");
        }
        assert!(made(|mail| mail.to = vec!["a@b.example".into(); 101]).contains("100"));
        assert!(made(|mail| mail.subject.push_str("\r\nBcc: e@f.g")).contains("subject"));
        assert!(made(|mail| mail.text = "a".repeat(MAX_TEXT + 1)).contains("longer"));
    }
}
