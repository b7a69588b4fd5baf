//! A mail server that writes down what it is told.

use base64::{Engine, engine::general_purpose::STANDARD};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// What a server does at a step, by the verb that it is told: `greeting`, `EHLO`,
/// `AUTH`, `MAIL`, `RCPT`, `DATA`, and `text` for the mail.
#[derive(Debug, Clone, Copy)]
pub enum Does {
    Replies(&'static str),
    Closes,
    Sleeps,
}

/// How a server encrypts.
#[derive(Clone)]
pub enum Encrypts {
    Never,
    AtOnce(Arc<ServerConfig>),
    WhenAsked(Arc<ServerConfig>),
}

/// What a server was told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub lines: Vec<String>,
    pub mails: Vec<String>,
    /// User and password.
    pub users: Vec<String>,
}

pub struct PostOffice {
    pub port: u16,
    told: Arc<Mutex<Told>>,
}

trait Stream: Read + Write {}

impl<T: Read + Write> Stream for T {}

impl PostOffice {
    pub fn start(does: &[(&'static str, Does)]) -> Self {
        Self::encrypting(Encrypts::Never, does)
    }

    pub fn encrypting(encrypts: Encrypts, does: &[(&'static str, Does)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::<Mutex<Told>>::default();
        let does: HashMap<_, _> = does.iter().copied().collect();
        thread::spawn({
            let told = told.clone();
            move || {
                for stream in listener.incoming().flatten() {
                    let (told, does, encrypts) = (told.clone(), does.clone(), encrypts.clone());
                    thread::spawn(move || open(stream, &encrypts, &does, &told));
                }
            }
        });
        Self { port, told }
    }

    pub fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }
}

type Script = HashMap<&'static str, Does>;

fn open(stream: TcpStream, encrypts: &Encrypts, does: &Script, told: &Mutex<Told>) -> Option<()> {
    let tls = |config: &Arc<ServerConfig>, stream| {
        let connection = ServerConnection::new(config.clone()).unwrap();
        Box::new(StreamOwned::new(connection, stream))
    };
    match encrypts {
        Encrypts::Never => talk(Box::new(stream), true, "", does, told).map(drop),
        Encrypts::AtOnce(config) => talk(tls(config, stream), true, "", does, told).map(drop),
        Encrypts::WhenAsked(config) => {
            let plain = stream.try_clone().ok()?;
            talk(Box::new(plain), true, "250-STARTTLS\r\n", does, told)?;
            talk(tls(config, stream), false, "", does, told).map(drop)
        }
    }
}

/// Talks until the end, or until the client wants to encrypt: then `Some`.
fn talk(
    mut stream: Box<dyn Stream>,
    is_new: bool,
    offers: &str,
    does: &Script,
    told: &Mutex<Told>,
) -> Option<()> {
    let ehlo = format!("250-office\r\n{offers}250-8BITMIME\r\n250 AUTH PLAIN");
    let step = |stream: &mut dyn Stream, verb: &str, usual: &str| {
        let reply = match does.get(verb) {
            None => usual,
            Some(Does::Replies(reply)) => reply,
            Some(Does::Closes) => return None,
            Some(Does::Sleeps) => {
                thread::sleep(Duration::from_secs(5));
                return None;
            }
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).ok()?;
        stream.flush().ok()
    };
    if is_new {
        step(&mut stream, "greeting", "220 office")?;
    }
    loop {
        let line = line(&mut stream)?;
        told.lock().unwrap().lines.push(line.clone());
        let verb = line.split(' ').next()?.to_ascii_uppercase();
        match &*verb {
            "EHLO" => step(&mut stream, "EHLO", &ehlo)?,
            "STARTTLS" => {
                step(&mut stream, "STARTTLS", "220 go on")?;
                return Some(());
            }
            "AUTH" => {
                let user = STANDARD.decode(line.split(' ').nth(2)?).ok()?;
                let user = String::from_utf8(user).ok()?.replace('\0', " ");
                told.lock().unwrap().users.push(user.trim().to_string());
                step(&mut stream, "AUTH", "235 welcome")?;
            }
            "MAIL" | "RCPT" => step(&mut stream, &verb, "250 ok")?,
            "DATA" => {
                step(&mut stream, "DATA", "354 tell me")?;
                if matches!(does.get("DATA"), Some(Does::Replies(_))) {
                    continue;
                }
                let mail = text(&mut stream)?;
                told.lock().unwrap().mails.push(mail);
                step(&mut stream, "text", "250 2.0.0 queued as 7")?;
            }
            "QUIT" => {
                step(&mut stream, "QUIT", "221 bye")?;
                return None;
            }
            _ => step(&mut stream, "", "500 what?")?,
        }
    }
}

fn line(stream: &mut dyn Stream) -> Option<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte).ok()?;
        line.push(byte[0]);
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).ok()
}

/// A mail up to the line with one dot.
fn text(stream: &mut dyn Stream) -> Option<String> {
    let mut lines = Vec::new();
    loop {
        let line = line(stream)?;
        if line == "." {
            return Some(lines.join("\r\n"));
        }
        lines.push(line.strip_prefix('.').map_or(line.clone(), str::to_string));
    }
}
