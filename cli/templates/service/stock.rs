//! The stock of an item: what came in and what was sold, in the stream
//! `item-<id>`.

use rewind::{Envelope, Event, Rejection, SingleStreamProjection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Events.

/// What happens to the stock of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum ItemEvent {
    /// Pieces came in.
    ItemReceived { pieces: u32 },
    /// Pieces went out.
    ItemSold { pieces: u32 },
}

impl Event for ItemEvent {
    const CATEGORY: &'static str = "item";
}

// Rows.

/// What is there of an item.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Below zero, more was sold than there was.
    pub pieces: i64,
}

/// Each item, at `/projections/stock/<id>`.
#[derive(Debug)]
pub struct Stock;

impl SingleStreamProjection for Stock {
    type Event = ItemEvent;
    type Row = Item;
    const NAME: &'static str = "stock";

    fn apply(item: &mut Item, event: &Envelope<ItemEvent>) -> Result<(), Rejection> {
        match event.data {
            ItemEvent::ItemReceived { pieces } => item.pieces += i64::from(pieces),
            ItemEvent::ItemSold { pieces } => item.pieces -= i64::from(pieces),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::given;

    fn received(pieces: u32) -> ItemEvent {
        ItemEvent::ItemReceived { pieces }
    }

    fn sold(pieces: u32) -> ItemEvent {
        ItemEvent::ItemSold { pieces }
    }

    #[test]
    fn what_came_in_and_was_not_sold_is_there() {
        given([received(5), sold(2)]).then_row::<Stock>(Item { pieces: 3 });
    }

    #[test]
    fn a_sale_that_is_taken_back_never_was() {
        let sold = given([received(5), sold(2)]);
        let reversed = sold.reversed("item-1", 2);
        reversed.then_row::<Stock>(Item { pieces: 5 });
    }
}
