//! Upcasters: lift an event's old shape into the present one, on reading.
//!
//! What is stored stays as it was recorded. Before a projection, a reaction or
//! an aggregate sees an event, its shape is lifted, step by step, from the
//! schema version that it was recorded with to the newest one.

use super::panics::guarded;
use crate::{
    CloudEvent, RecordedEvent, Rejection, Upcaster, record::event, reserved::SCHEMA_VERSION,
};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap};

#[derive(Debug, Clone, Copy)]
struct Lift {
    to_type: &'static str,
    lift: fn(Value) -> Result<Value, Rejection>,
}

/// All upcasters of a service.
#[derive(Debug, Clone, Default)]
pub struct Upcasters {
    steps: BTreeMap<(&'static str, u32), Lift>,
}

impl Upcasters {
    /// Adds one; `false` where that step is taken.
    pub(crate) fn add<U: Upcaster>(&mut self) -> bool {
        let step = Lift {
            to_type: U::TO_TYPE,
            lift: U::lift,
        };
        self.steps.insert((U::TYPE, U::FROM), step).is_none()
    }

    /// The event in its present shape. Most have it already and are borrowed.
    ///
    /// # Errors
    ///
    /// A rejection that names the step which failed, a panic included.
    pub fn lift<'a>(&self, event: &'a RecordedEvent) -> Result<Cow<'a, RecordedEvent>, Rejection> {
        Ok(match self.lift_event(&event.event)? {
            Cow::Borrowed(_) => Cow::Borrowed(event),
            Cow::Owned(lifted) => Cow::Owned(RecordedEvent {
                event: lifted,
                ..*event
            }),
        })
    }

    /// As [`lift`](Self::lift), for an event that has no place yet.
    ///
    /// # Errors
    ///
    /// As [`lift`](Self::lift).
    pub fn lift_event<'a>(&self, event: &'a CloudEvent) -> Result<Cow<'a, CloudEvent>, Rejection> {
        if self.steps.is_empty() {
            return Ok(Cow::Borrowed(event));
        }
        let mut version = event.schema_version()?;
        if !self.steps.contains_key(&(&*event.event_type, version)) {
            return Ok(Cow::Borrowed(event));
        }
        let mut lifted = event.clone();
        let mut data: Value = event.data()?;
        while let Some(step) = self.steps.get(&(&*lifted.event_type, version)) {
            data = guarded(|| (step.lift)(data)).map_err(|rejection| {
                let event_type = &lifted.event_type;
                Rejection::new(format!(
                    "upcaster of `{event_type}` from {version}: {rejection}"
                ))
            })?;
            version += 1;
            lifted.event_type = step.to_type.to_string();
        }
        lifted.data = event::raw(&data);
        lifted
            .extensions
            .insert(SCHEMA_VERSION.into(), version.into());
        Ok(Cow::Owned(lifted))
    }

    /// The types and schema versions that there are upcasters from.
    pub fn known(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.steps.keys().copied()
    }

    /// The type and schema version that an event has once it is lifted.
    pub fn newest(&self, event_type: &str, version: u32) -> (String, u32) {
        let (mut event_type, mut version) = (event_type.to_string(), version);
        while let Some(step) = self.steps.get(&(event_type.as_str(), version)) {
            event_type = step.to_type.to_string();
            version += 1;
        }
        (event_type, version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::event;
    use serde_json::json;

    struct Renamed;
    impl Upcaster for Renamed {
        const TYPE: &'static str = "voted";
        const FROM: u32 = 1;
        const TO_TYPE: &'static str = "vote-cast";
        fn lift(data: Value) -> Result<Value, Rejection> {
            Ok(json!({"choice": data["for"]}))
        }
    }

    struct Weighed;
    impl Upcaster for Weighed {
        const TYPE: &'static str = "vote-cast";
        const FROM: u32 = 2;
        fn lift(mut data: Value) -> Result<Value, Rejection> {
            data["weight"] = data["choice"].as_str().unwrap().len().into();
            Ok(data)
        }
    }

    fn upcasters() -> Upcasters {
        let mut upcasters = Upcasters::default();
        assert!(upcasters.add::<Renamed>() && upcasters.add::<Weighed>());
        assert!(!upcasters.add::<Weighed>(), "the step is taken");
        upcasters
    }

    #[test]
    fn an_old_shape_is_lifted_through_the_whole_chain() {
        let old = event("poll-1", "voted", &json!({"for": "tea"}), 1);
        let lifted = upcasters().lift(&old).unwrap();
        assert_eq!(lifted.event_type(), "vote-cast");
        let data: Value = lifted.data().unwrap();
        assert_eq!(data, json!({"choice": "tea", "weight": 3}));
        assert_eq!(lifted.event.schema_version(), Ok(3));
        assert_eq!(upcasters().newest("voted", 1), ("vote-cast".into(), 3));
    }

    #[test]
    fn a_present_shape_is_only_borrowed() {
        let new = event("poll-1", "vote-cast", &json!({}), 1);
        assert!(matches!(upcasters().lift(&new), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn what_cannot_be_lifted_is_refused_and_names_the_step() {
        let old = event("poll-1", "voted", &json!({"for": 7}), 1);
        let refused = upcasters().lift(&old).unwrap_err();
        assert!(refused.reason.contains("`vote-cast` from 2"), "{refused}");
    }
}
