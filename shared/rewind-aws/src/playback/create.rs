//! Creating a playback: the request is checked, the generations that it is to
//! build are opened, and it is saved. Nothing is sent yet.

use super::{
    player::{PlayError, Player},
    record::{self, Playback},
    request::{Destination, Request},
};
use crate::{
    Error,
    aws::{clock::now, retry},
    data_table::{row::Written, transaction::Write},
    generation::lifecycle::{self, ChangeError, Opening},
};
use rewind::{Problem, Projection, Receiver, Target, selection::micros};
use std::collections::BTreeSet;

impl Player {
    /// Checks a request, opens the generations that it is to build, and saves
    /// the playback under `id`, all at once or not at all. Nothing is sent yet.
    /// Repeating it gives the same playback.
    ///
    /// # Errors
    ///
    /// A problem that names the field, or a failing service.
    pub async fn create(&self, id: &str, request: &Request) -> Result<Playback, PlayError> {
        check_id(id)?;
        request.check(micros(now()))?;
        let projections = self.projections(request)?;
        self.check_gateways(request)?;
        check_changes(request, &projections)?;
        for attempt in 1..=retry::ATTEMPTS {
            if let Some(made) = record::read(&self.store, id).await? {
                return same(made.value, request);
            }
            let mut to = Vec::new();
            let mut writes = Vec::new();
            for (nth, (destination, projection)) in request.to.iter().zip(&projections).enumerate()
            {
                let receiver = self.receiver(id, request, (nth, destination), *projection);
                let (receiver, opening) = receiver.await?;
                to.push(receiver);
                writes.extend(opening);
            }
            // What is recorded before live events reach the generations is found
            // when it is checked that all rows have caught up.
            let playback = Playback::new(id, request, to, micros(now()));
            writes.extend(record::creation(&self.store, &playback).await?);
            if self.store.write_together(&writes).await? == Written::Done {
                return Ok(playback);
            }
            // Somebody else has opened a generation, or made this playback.
            retry::wait(attempt).await;
        }
        Err(PlayError::Service(Error::Contended {
            what: format!("the generations that playback {id} is to build"),
            attempts: retry::ATTEMPTS,
        }))
    }

    /// Checks that the gateways that are named are registered.
    fn check_gateways(&self, request: &Request) -> Result<(), Problem> {
        for (nth, to) in request.to.iter().enumerate() {
            let named = to.microservice.iter().flat_map(|to| to.gateways.keys());
            for name in named {
                if self.service.caller(name).is_none() {
                    let known = self.service.callers().iter();
                    let known: Vec<&str> = known.map(|caller| caller.name).collect();
                    let known = match known.is_empty() {
                        true => "none".into(),
                        false => known.join(", "),
                    };
                    let why = format!("no gateway is named {name:?}; there are {known}");
                    let field = format!("to[{nth}].microservice.gateways");
                    return Err(Problem::invalid(&field, why));
                }
            }
        }
        Ok(())
    }

    /// The projection of each destination, where it is one.
    fn projections(&self, request: &Request) -> Result<Vec<Option<&Projection>>, Problem> {
        let projections = request.to.iter().enumerate().map(|(nth, to)| {
            let Some(name) = &to.projection else {
                return Ok(None);
            };
            let known = self.service.projection(name);
            known.map(Some).ok_or_else(|| {
                let known = self.service.projections().iter();
                let known: Vec<&str> = known.map(|projection| projection.name).collect();
                let known = known.join(", ");
                let why = format!("no projection is named {name:?}; there are {known}");
                Problem::invalid(&format!("to[{nth}].projection"), why)
            })
        });
        let projections = projections.collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        for (nth, projection) in projections.iter().enumerate() {
            if let Some(projection) = projection
                && !seen.insert(projection.name)
            {
                let why = format!("{:?} is named twice", projection.name);
                return Err(Problem::invalid(&format!("to[{nth}].projection"), why));
            }
            if let Some(projection) = projection
                && !categories_of(request).is_none_or(|wanted| {
                    let mut read = projection.categories.iter();
                    read.any(|category| wanted.contains(category))
                })
            {
                let (name, reads) = (projection.name, projection.categories.join(", "));
                let why = format!("the range is empty: {name} reads only {reads}");
                return Err(Problem::invalid("what", why));
            }
        }
        Ok(projections)
    }

    /// Whom a destination stands for, and what opens the generation that it is
    /// to get.
    async fn receiver(
        &self,
        id: &str,
        request: &Request,
        (nth, destination): (usize, &Destination),
        projection: Option<&Projection>,
    ) -> Result<(Receiver, Option<Write>), PlayError> {
        let Some(projection) = projection else {
            let receiver = match &destination.subscriber {
                Some(subscriber) => Receiver::Subscriber {
                    subscriber: subscriber.clone(),
                },
                None => Receiver::Microservice {
                    microservice: rewind::delivery::Nothing {},
                },
            };
            return Ok((receiver, None));
        };
        let target = |generation| Target {
            projection: projection.name.to_string(),
            generation,
        };
        let known = lifecycle::of(&self.store, projection.name).await?;
        if let Some(generation) = destination.generation {
            let field = format!("to[{nth}].generation");
            let is_part = known.parts.contains_key(&generation);
            if is_part || !known.takes(generation) {
                let why = format!("{} has no live generation {generation}", projection.name);
                return Err(Problem::invalid(&field, why).into());
            }
            if !request.what.is_whole_streams() {
                let why = "a part of history must not go into a live generation, whose rows hold all of it: leave `generation` out, and it gets one of its own";
                return Err(Problem::invalid(&field, why).into());
            }
            return Ok((Receiver::Projection(target(generation)), None));
        }
        if request.dry_run {
            return Ok((Receiver::Projection(target(known.latest + 1)), None));
        }
        let opening = if is_part(request, projection) {
            lifecycle::open_part(&self.store, projection, id, &request.what).await
        } else {
            let is_over = async |other: &str| {
                let other = record::read(&self.store, other).await?;
                Ok(other.is_none_or(|other| other.value.state.is_over()))
            };
            lifecycle::open(&self.store, projection, id, is_over).await
        };
        match opening {
            Ok(Opening { target, write }) => Ok((Receiver::Projection(target), write)),
            Err(ChangeError::Refused(why)) => Err(Problem::new(409, "rebuild-running", why).into()),
            Err(ChangeError::Service(error)) => Err(error.into()),
        }
    }
}

/// Checks a playback's name. It stands in paths: whoever makes it may give it
/// one, and to ask twice is to ask once.
///
/// # Errors
///
/// A problem that says what was expected.
pub fn check_id(id: &str) -> Result<(), Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=128).contains(&id.len()) && id.chars().all(allowed) {
        return Ok(());
    }
    let why = "the playback's id, or Idempotency-Key: expected 1 to 128 of A-Z a-z 0-9 - _ .";
    Err(Problem::invalid("id", why))
}

/// Checks that there are changes to be told, where the request wants that.
fn check_changes(request: &Request, projections: &[Option<&Projection>]) -> Result<(), Problem> {
    let mut named = projections.iter().flatten();
    if !request.changes || named.any(|projection| projection.feed.is_some()) {
        return Ok(());
    }
    let why = "no projection of this playback tells changes of its rows: none has a `FEED`";
    Err(Problem::invalid("changes", why))
}

/// Whether a projection gets less than all that it reads.
fn is_part(request: &Request, projection: &Projection) -> bool {
    let what = &request.what;
    let wanted = categories_of(request);
    !what.is_whole_streams()
        || !what.streams.is_empty()
        || wanted.is_some_and(|wanted| {
            let mut read = projection.categories.iter();
            !read.all(|category| wanted.contains(category))
        })
}

/// The categories that a request names, itself or by its streams.
fn categories_of(request: &Request) -> Option<BTreeSet<&str>> {
    let what = &request.what;
    if what.categories.is_empty() && what.streams.is_empty() {
        return None;
    }
    let of_streams = what.streams.iter().map(|stream| stream.category());
    let named = what.categories.iter().map(String::as_str);
    Some(match what.streams.is_empty() {
        true => named.collect(),
        false => of_streams.collect(),
    })
}

/// A playback that was created before under the same id, by the same request.
fn same(playback: Playback, request: &Request) -> Result<Playback, PlayError> {
    let mut asked = playback.request.clone();
    // The playback has found it itself.
    asked.what.last = None;
    match asked == *request {
        true => Ok(playback),
        false => {
            let why = format!("playback {} was made for another request", playback.id);
            Err(Problem::new(409, "id-taken", why).into())
        }
    }
}
