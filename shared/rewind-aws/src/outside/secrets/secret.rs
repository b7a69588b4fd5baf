//! A secret that shows itself to nobody who does not ask for it.

use std::{fmt, sync::Arc};

/// A secret. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::outside) struct Secret(Arc<str>);

impl Secret {
    /// Space around a secret is the editor's or the shell's, not its own.
    pub fn new(text: &str) -> Self {
        Self(text.trim().into())
    }

    /// What it is.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(rewind::SECRET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = Secret::new(" sk_live_1\n");
        assert_eq!(secret.reveal(), "sk_live_1");
        assert_eq!(format!("{secret:?}"), "***");
    }
}
