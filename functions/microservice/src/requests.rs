//! Commands over HTTP: decided at once, taken for later, and what became of
//! them; aggregates as they stand.

use crate::asked;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rewind::{
    Batch, Decided, Decider, Problem, RecordedEvent, StreamName,
    command::{Command, Refusal},
    event::raw,
};
pub use rewind_aws::api::microservice::ROUTES;
use rewind_aws::{
    api::microservice::{
        Aggregate, Applied, MismatchMembers, Named, Pending, Rejected, RejectedMembers, Retried,
        Retry, Taken,
    },
    aws::{
        clock,
        http::{self, Parameters, Request, Response, Route},
        producer::Stream,
        publish::Run,
    },
    command::commands::{Answer, Commands, Failure, Known},
    gateway::{self, retry::retry},
};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// What a part of a path does not hold as it is (RFC 3986, section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// How long a look for an outcome waits for the next one, at most.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// Answers requests.
#[derive(Debug)]
pub struct Requests {
    incoming: Stream,
}

/// Why a request is not answered with what it asked for.
enum Unanswered {
    Refused(Problem),
    Failed(Failure),
}

impl From<Problem> for Unanswered {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Why a log cannot be gone on with.
fn of_log(failure: gateway::log::Failure) -> Failure {
    match failure {
        gateway::log::Failure::Aws(error) => error.into(),
        gateway::log::Failure::Refused(why) => Failure::Broken(why),
    }
}

impl Requests {
    /// Commands for later go to `incoming`.
    pub fn new(incoming: Stream) -> Self {
        Self { incoming }
    }

    /// Lets calls that were given up, or imported, be tried again.
    async fn retry(
        &self,
        commands: &Commands,
        request: &Request,
        parameters: &Parameters,
    ) -> Result<Response, Unanswered> {
        let name = parameters.path("name");
        let caller = commands.service().caller(name);
        let unknown = || http::missing("name", format!("there is no gateway {name:?}"));
        let caller = caller.ok_or_else(unknown)?;
        let Retry { key, call } = http::read(&http::json_body(request)?, r#"{"key": "order-7"}"#)?;
        let log = StreamName::of(&caller.category, &key)
            .map_err(|bad| Problem::invalid("key", format!("the stream's name {bad}")))?;
        let retried = retry(commands.recorder(), caller, &log, call.as_deref()).await;
        let retried = retried.map_err(of_log)?.ok_or_else(|| {
            let why = format!("there is no such call of {name} with the key {key:?}");
            Problem::not_found(why).of("key")
        })?;
        Ok(http::json(
            202,
            &Retried {
                gateway: name,
                retried,
            },
        ))
    }

    /// Answers a request. Every refusal is a problem, none is an error.
    pub async fn answer(&self, commands: &Commands, request: &Request) -> Response {
        let (route, parameters) = match Route::of(ROUTES, request) {
            Ok(found) => found,
            Err(problem) => return http::problem(&problem),
        };
        let answered = match route.key {
            "POST /commands/{category}/{id}" => self.command(commands, request, &parameters).await,
            "GET /commands/{id}" => known(commands, request, parameters.path("id")).await,
            "POST /gateways/{name}/retry" => self.retry(commands, request, &parameters).await,
            _ => aggregate(commands, &parameters).await,
        };
        match answered {
            Ok(response) => response,
            Err(Unanswered::Refused(problem)) => http::problem(&route.refusing(problem)),
            Err(Unanswered::Failed(failure)) => {
                tracing::error!(route = route.key, error = %failure, "not answered");
                http::problem(&failed(&failure))
            }
        }
    }

    async fn command(
        &self,
        commands: &Commands,
        request: &Request,
        parameters: &Parameters,
    ) -> Result<Response, Unanswered> {
        let category = parameters.path("category");
        let decider = decider(commands, category)?;
        let stream = asked::stream(category, parameters.path("id"))?;
        let command = asked::command(request, stream, clock::domain_now())?;
        decider.check(&command.command_type, command.data.get())?;
        if http::prefers(request)?.respond_async {
            return self.later(commands, command).await;
        }
        let answer = commands.decide(decider, &command).await?;
        tracing::info!(
            stream = %command.stream,
            command = command.command_type,
            id = command.id,
            outcome = told(&answer),
            "decided"
        );
        Ok(answered(&command, answer))
    }

    /// Puts a command on `incoming`: pump records it, and microservice takes it
    /// from there.
    async fn later(
        &self,
        commands: &Commands,
        mut command: Command,
    ) -> Result<Response, Unanswered> {
        let path = format!("/commands/{}", encoded(&command.id));
        let body = Pending {
            id: &command.id,
            outcome: "pending",
        };
        let waits = http::with_header(http::json(202, &body), "location", &path);
        let known = match command.is_keyed {
            true => commands.known_as(&command).await?,
            false => None,
        };
        match known {
            Some(Known::Decided(answer)) => return Ok(answered(&command, answer)),
            Some(Known::Waits) => return Ok(waits),
            None => {}
        }
        // What is decided later is asked for by its id.
        command.is_keyed = true;
        let received = command.received();
        let received = received.map_err(|bad| Problem::invalid("id", bad.to_string()))?;
        let key = received.stream.to_string();
        let run = Run::new(key, Batch::encode(&[received]));
        let published = self.incoming.publish(vec![run]).await;
        if let Some(reason) = published
            .into_iter()
            .find_map(|published| published.refused)
        {
            tracing::warn!(id = command.id, reason, "not put");
            let why = "the command is not taken; nothing is lost by trying again with the same key";
            return Err(Problem::unavailable(why).into());
        }
        Ok(waits)
    }
}

/// What became of the command of a key.
async fn known(commands: &Commands, request: &Request, id: &str) -> Result<Response, Unanswered> {
    let id = asked::checked(id, "id")?;
    let wait = Duration::from_secs(http::prefers(request)?.wait.unwrap_or_default());
    let until = Instant::now() + wait;
    let mut pause = Duration::from_millis(50);
    let known = loop {
        let known = commands.known(id).await?;
        if matches!(known, Some(Known::Decided(_))) || Instant::now() + pause > until {
            break known;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    };
    let body = match known {
        None => {
            let why = "nobody has sent a command with this id, or it is not recorded yet";
            return Err(http::missing("id", why).into());
        }
        Some(Known::Waits) => json!(Pending {
            id,
            outcome: "pending",
        }),
        Some(Known::Decided(Answer::Rejected(refusal))) => json!(Rejected {
            id,
            outcome: "rejected",
            rejection: &refusal,
        }),
        Some(Known::Decided(Answer::Applied(events))) => {
            // Those of the aggregate's own stream come first.
            let stream = events.first().map(RecordedEvent::stream);
            let body = Applied {
                id,
                outcome: "applied",
                stream,
                version: stream.and_then(|stream| version_of(stream, &events)),
                events: &events,
            };
            return Ok(http::json(200, &body));
        }
        Some(Known::Decided(Answer::NotThere { .. } | Answer::KeyReused | Answer::OnTheWay)) => {
            unreachable!("none of them is recorded as an outcome")
        }
    };
    Ok(http::json(200, &body))
}

/// An aggregate as it stands, and which commands it would take now.
async fn aggregate(commands: &Commands, parameters: &Parameters) -> Result<Response, Unanswered> {
    let category = parameters.path("category");
    let decider = decider(commands, category)?;
    let stream = asked::stream(category, parameters.path("id"))?;
    let asked = match (parameters.text("type"), parameters.text("data")) {
        (Some(command_type), data) => {
            let data: Value = serde_json::from_str(data.unwrap_or("{}"))
                .map_err(|_| http::bad_parameter("data", "expected JSON, encoded"))?;
            decider.check(command_type, &data.to_string())?;
            vec![(command_type.to_string(), Some(data))]
        }
        (None, Some(_)) => {
            return Err(http::bad_parameter("data", "expected `type` beside it").into());
        }
        (None, None) => {
            let all = decider.commands.iter();
            all.map(|command_type| (command_type.clone(), None))
                .collect()
        }
    };
    let loaded = commands.load(decider, &stream).await?;
    let state = loaded.state.json().map_err(Failure::Broken)?;
    let takes = asked.into_iter().map(|(command_type, data)| {
        let data = data.unwrap_or_else(|| json!({}));
        if decider.check(&command_type, &data.to_string()).is_err() {
            // It depends on its data.
            return Taken {
                command_type,
                takes: None,
                events: None,
                rejection: None,
                fails: None,
            };
        }
        let command = Command {
            id: clock::id(),
            is_keyed: false,
            stream: stream.clone(),
            command_type,
            data: raw(&data),
            at: clock::domain_now(),
            expected: None,
            correlation: None,
            causation: None,
            depth: 0,
            is_imported: false,
        };
        let decided = decider.decide(&loaded.state, &command);
        let mut taken = Taken {
            command_type: command.command_type,
            takes: Some(matches!(decided, Ok(Decided::Accepted(_)))),
            events: None,
            rejection: None,
            fails: None,
        };
        match decided {
            Ok(Decided::Accepted(plan)) => {
                let events = plan.events.into_iter();
                taken.events = Some(events.map(|event| event.event_type).collect());
            }
            Ok(Decided::Rejected(refusal)) => taken.rejection = Some(refusal),
            Err(why) => taken.fails = Some(why.reason),
        }
        taken
    });
    let body = Aggregate {
        stream: &stream,
        version: loaded.head.version,
        state,
        commands: takes.collect(),
    };
    let tag = format!("\"{}\"", loaded.head.version);
    Ok(http::with_header(http::json(200, &body), "etag", &tag))
}

fn decider<'a>(commands: &'a Commands, category: &str) -> Result<&'a Decider, Problem> {
    let decider = commands.service().decider(category);
    decider.ok_or_else(|| {
        let known = commands.service().deciders().iter();
        let known: Vec<&str> = known.map(|decider| decider.category).collect();
        let why = match known.is_empty() {
            true => "the service has no aggregate".to_string(),
            false => format!(
                "no aggregate decides here; there are those of `{}`",
                known.join("`, `")
            ),
        };
        http::missing("category", why)
    })
}

/// The answer to a command that was decided at once.
fn answered(command: &Command, answer: Answer) -> Response {
    match answer {
        Answer::Applied(events) => applied(command, &events),
        Answer::Rejected(refusal) => rejected(command, &refusal),
        Answer::NotThere {
            stream,
            expected,
            actual,
        } => {
            let why = format!("{stream} has version {actual}, not {expected}");
            let problem = Problem::new(412, "version-mismatch", why).of("if-match");
            extended(
                &problem,
                &json!(MismatchMembers {
                    stream: &stream,
                    expected,
                    actual,
                }),
            )
        }
        Answer::KeyReused => {
            let why = "the key belongs to a command with another body or for another stream";
            http::problem(&Problem::new(422, "key-reused", why).of("idempotency-key"))
        }
        Answer::OnTheWay => {
            let why = "another system has decided this command, and an import has not brought its events yet: send it again with the same key";
            http::problem(&Problem::new(503, "on-the-way", why).of("idempotency-key"))
        }
    }
}

fn applied(command: &Command, events: &[RecordedEvent]) -> Response {
    let version = version_of(&command.stream, events);
    let body = Applied {
        id: &command.id,
        outcome: "applied",
        stream: Some(&command.stream),
        version,
        events,
    };
    let response = http::json(200, &body);
    match version {
        Some(version) => http::with_header(response, "etag", &format!("\"{version}\"")),
        None => response,
    }
}

/// The version of the stream behind its last event among these.
fn version_of(stream: &StreamName, events: &[RecordedEvent]) -> Option<u64> {
    let own = events.iter().filter(|event| event.stream() == stream);
    own.map(|event| event.version).max()
}

fn rejected(command: &Command, refusal: &Refusal) -> Response {
    let mut problem = Problem::new(422, "rejected", refusal.reason.clone());
    problem.title = refusal.name.replace('-', " ");
    let more = json!(RejectedMembers {
        id: &command.id,
        outcome: "rejected",
        rejection: Named {
            name: &refusal.name,
            data: &refusal.data,
        },
    });
    extended(&problem, &more)
}

/// A problem with members of its own (RFC 9457, section 3.2).
fn extended(problem: &Problem, more: &Value) -> Response {
    http::problem_with(problem, more)
}

/// The problem of a command that has no answer.
fn failed(failure: &Failure) -> Problem {
    match failure {
        Failure::Aws(error) => http::failed(error),
        Failure::Poisoned {
            stream, version, ..
        } => Problem::new(
            500,
            "poisoned",
            format!(
                "{stream}@{version} cannot be folded, so nothing is decided: mend the aggregate, or reverse the event"
            ),
        ),
        Failure::Broken(_) => Problem::new(
            500,
            "undecided",
            "the aggregate has failed and nothing is recorded: the function's log says why",
        ),
    }
}

/// What became of a command, for the log.
fn told(answer: &Answer) -> &str {
    match answer {
        Answer::Applied(_) => "applied",
        Answer::Rejected(refusal) => &refusal.name,
        Answer::NotThere { .. } => "version-mismatch",
        Answer::KeyReused => "key-reused",
        Answer::OnTheWay => "on-the-way",
    }
}

/// An id as a part of a path.
fn encoded(id: &str) -> String {
    utf8_percent_encode(id, ESCAPED).to_string()
}
