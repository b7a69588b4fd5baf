//! Who has read which streams: generations of projections, and reactions.

use crate::{
    Error,
    audit::report::Outdated,
    data_table::{data_store::DataStore, key::Key},
    generation::lifecycle,
};
use rewind::{Over, Projection, Selection, Service, StreamName, Target};

/// A reader that keeps a watermark for each stream.
pub(crate) struct Reader {
    /// Such as `carts@1` or `adapter/shop`.
    pub name: String,
    categories: Vec<String>,
    /// Whether live events reach it.
    pub is_live: bool,
    /// That its rows are those of other code than today's.
    pub outdated: Option<Outdated>,
    pub way: Way,
}

/// A generation of a projection.
pub(crate) struct Generation {
    pub target: Target,
    pub projection: Projection,
    /// Which events it holds, where not all.
    pub selection: Option<Selection>,
}

/// Where a reader keeps what it makes of the events.
pub(crate) enum Way {
    /// One row for each stream, which holds the watermark.
    OneRow(Generation),
    /// Rows that streams share, and a checkpoint for each stream.
    SharedRows(Generation),
    /// Only checkpoints.
    Reaction,
}

/// All generations that have rows, and all reactions.
pub(crate) async fn all(service: &Service, store: &DataStore) -> Result<Vec<Reader>, Error> {
    let known = lifecycle::all(store).await?;
    let mut readers = Vec::new();
    for projection in service.projections() {
        let generations = known.get(projection.name).cloned().unwrap_or_default();
        for (generation, selection) in generations.all() {
            let target = Target {
                projection: projection.name.to_string(),
                generation,
            };
            let categories = projection.categories.iter();
            let made_by = generations.versions.get(&generation).copied();
            let made_by = made_by.filter(|version| *version != projection.version);
            let outdated = made_by.map(|made_by| Outdated {
                generation: target.to_string(),
                made_by,
                code: projection.version,
                serves: generations.serving == generation,
            });
            readers.push(Reader {
                outdated,
                name: target.to_string(),
                categories: categories.map(ToString::to_string).collect(),
                is_live: selection.is_none(),
                way: {
                    let generation = Generation {
                        target,
                        projection: projection.clone(),
                        selection: selection.cloned(),
                    };
                    match projection.over {
                        Over::OneStream => Way::OneRow(generation),
                        Over::ManyStreams => Way::SharedRows(generation),
                    }
                },
            });
        }
    }
    readers.extend(service.listeners().into_iter().map(|listener| Reader {
        name: listener.origin,
        categories: listener.categories,
        is_live: true,
        outdated: None,
        way: Way::Reaction,
    }));
    Ok(readers)
}

impl Reader {
    /// Whether it reads streams of this category.
    pub fn reads(&self, category: &str) -> bool {
        self.categories.iter().any(|known| known == category)
    }

    /// Whether it keeps rows that streams share, and that today's code can
    /// tell right from wrong.
    pub fn shares_rows(&self) -> bool {
        matches!(self.way, Way::SharedRows(_)) && self.outdated.is_none()
    }

    /// Whether its watermark for a stream can be told right from wrong. One
    /// that lies in a row of other code may be that of another stream: the
    /// projection may have read another category.
    pub fn has_watermarks(&self) -> bool {
        !matches!(self.way, Way::OneRow(_)) || self.outdated.is_none()
    }

    /// Where its watermark for a stream stands.
    pub fn watermark_key(&self, stream: &StreamName) -> Key {
        match &self.way {
            Way::OneRow(generation) => Key::row(&generation.target, stream.id()),
            Way::SharedRows(_) | Way::Reaction => Key::checkpoint(&self.name, stream.as_str()),
        }
    }

    /// The stream that a row of its own belongs to.
    pub fn stream_of_row(&self, key: &str) -> Option<StreamName> {
        let category = self.categories.first()?;
        StreamName::new(format!("{category}-{key}")).ok()
    }
}
