//! Who has read which streams: generations of projections, and reactions.

use crate::{
    Error,
    data_store::{DataStore, Key},
    generations,
};
use rewind::{Fold, Recorded, Refused, Service, StreamName, Target, projection::FoldRow};

/// A reader that keeps a watermark for each stream.
pub(super) struct Reader {
    /// Such as `carts@1` or `adapter/shop`.
    pub name: String,
    categories: Vec<String>,
    pub way: Way,
}

/// The rows that an event touches.
pub(super) type Keys = fn(&Recorded) -> Result<Vec<String>, Refused>;

/// Where a reader keeps what it makes of the events.
pub(super) enum Way {
    /// One row for each stream, which holds the watermark.
    OneRow { target: Target, fold: FoldRow },
    /// Rows that streams share, and a mark for each stream.
    SharedRows {
        target: Target,
        keys: Keys,
        fold: FoldRow,
    },
    /// Only marks.
    Reaction,
}

/// All generations that are kept up to date, and all reactions.
pub(super) async fn all(service: &Service, store: &DataStore) -> Result<Vec<Reader>, Error> {
    let known = generations::all(store).await?;
    let mut readers = Vec::new();
    for projection in service.projections() {
        let generations = known.get(projection.name).cloned().unwrap_or_default();
        for generation in generations.live() {
            let target = Target {
                projection: projection.name.to_string(),
                generation,
            };
            readers.push(Reader {
                name: target.to_string(),
                categories: projection
                    .categories
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
                way: match projection.fold {
                    Fold::SingleStream(fold) => Way::OneRow { target, fold },
                    Fold::MultiStream { keys, row } => Way::SharedRows {
                        target,
                        keys,
                        fold: row,
                    },
                },
            });
        }
    }
    readers.extend(service.reactions().iter().map(|reaction| Reader {
        name: reaction.origin.clone(),
        categories: vec![reaction.category.clone()],
        way: Way::Reaction,
    }));
    Ok(readers)
}

impl Reader {
    /// Whether it reads streams of this category.
    pub fn reads(&self, category: &str) -> bool {
        self.categories.iter().any(|known| known == category)
    }

    /// Whether it keeps rows that streams share.
    pub fn shares_rows(&self) -> bool {
        matches!(self.way, Way::SharedRows { .. })
    }

    /// Where its watermark for a stream stands.
    pub fn watermark_key(&self, stream: &StreamName) -> Key {
        match &self.way {
            Way::OneRow { target, .. } => Key::row(target, stream.id()),
            Way::SharedRows { .. } | Way::Reaction => Key::mark(&self.name, stream.as_str()),
        }
    }

    /// The stream that a row of its own belongs to.
    pub fn stream_of_row(&self, key: &str) -> Option<StreamName> {
        let category = self.categories.first()?;
        StreamName::new(format!("{category}-{key}")).ok()
    }
}
