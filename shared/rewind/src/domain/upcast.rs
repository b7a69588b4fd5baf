//! Upcasters: each lifts an event's old shape into the next one, on reading.

use crate::Rejection;
use serde_json::Value;

/// Lifts one type of event by one schema version. What is stored stays as it was
/// recorded; readers see the newest shape.
pub trait Upcaster {
    /// The event type whose shape it lifts.
    const TYPE: &'static str;
    /// The schema version that it takes; what it gives has the next one.
    const FROM: u32;
    /// The event type of what it gives, where the type was renamed.
    const TO_TYPE: &'static str = Self::TYPE;

    /// The data in the next shape.
    ///
    /// # Errors
    ///
    /// The event stays recorded. The rejection stalls each reader of it, for
    /// this stream, until the upcaster is mended.
    fn lift(data: Value) -> Result<Value, Rejection>;
}
