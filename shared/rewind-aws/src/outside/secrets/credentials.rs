//! Where credentials are looked up.

use super::{aws::Stores, file::SecretsFile, secret::Secret};
use aws_config::SdkConfig;
use std::{path::PathBuf, sync::Arc};

/// Where credentials are looked up by their names. A clone shares what was read.
#[derive(Debug, Clone)]
pub struct Credentials(Arc<Source>);

#[derive(Debug)]
enum Source {
    None,
    File(SecretsFile),
    Aws(Box<Stores>),
}

impl Credentials {
    /// Nowhere: a gateway that names credentials waits.
    pub fn none() -> Self {
        Self(Arc::new(Source::None))
    }

    /// In a file with a JSON object, such as `{"payments": "…"}`, which is read
    /// again whenever it has changed.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Source::File(SecretsFile::new(path.into()))))
    }

    /// In Secrets Manager, and in Parameter Store where a name begins with
    /// `ssm:`; each at its endpoint where that is given. What was read is taken
    /// for five minutes.
    pub fn aws(
        config: SdkConfig,
        secrets_manager: Option<String>,
        parameter_store: Option<String>,
    ) -> Self {
        let stores = Stores::new(config, secrets_manager, parameter_store);
        Self(Arc::new(Source::Aws(Box::new(stores))))
    }

    /// The secret of this name.
    ///
    /// # Errors
    ///
    /// When it cannot be read: why, in a sentence without secrets.
    pub(in crate::outside) async fn get(&self, name: &str) -> Result<Secret, String> {
        match &*self.0 {
            Source::None => Err(format!("nothing says where the secret {name} is")),
            Source::File(file) => file.get(name),
            Source::Aws(stores) => stores.get(name).await,
        }
    }

    /// Forgets a secret that was refused, so that it is read again.
    pub(in crate::outside) fn forget(&self, name: &str) {
        match &*self.0 {
            Source::None => {}
            Source::File(file) => file.forget(),
            Source::Aws(stores) => stores.forget(name),
        }
    }
}
