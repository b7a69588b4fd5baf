//! What a read of a shard returns.

/// A record of a shard.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// Its sequence number. All of one process have the same length, so they compare as text.
    pub sequence: String,
    /// Its partition key.
    pub partition_key: String,
    /// Its data in base64.
    pub data: String,
    /// When it arrived, in seconds since 1970.
    pub arrival: f64,
}

/// What a read of a shard found.
#[derive(Debug)]
pub(crate) struct Read {
    /// The records, in order.
    pub records: Vec<Record>,
    /// Whether the shard was split or merged, and nothing more comes after these records.
    pub is_at_end: bool,
}
