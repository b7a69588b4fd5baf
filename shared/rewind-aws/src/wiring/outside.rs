//! The transports of gateways, as the environment describes them.

use super::clients::{Clients, endpoint, variable};
use crate::{
    Error,
    outside::{Config, Credentials, Outside},
};

impl Outside {
    /// The transports of the gateways that `GATEWAYS` describes, to the hosts
    /// that `OUTSIDE_HOSTS` lists; none where `GATEWAYS` is not set. Their
    /// credentials are in the file that `SECRETS_FILE` names, which only a local
    /// system sets, or else in Secrets Manager and Parameter Store.
    ///
    /// # Errors
    ///
    /// When a variable does not hold what is expected: the path of the member,
    /// and why.
    pub fn from_env(clients: &Clients) -> Result<Self, Error> {
        let [gateways, hosts] =
            ["GATEWAYS", "OUTSIDE_HOSTS"].map(|name| variable(name).unwrap_or_default());
        let config = Config::read(&gateways, &hosts)?;
        let credentials = match variable("SECRETS_FILE") {
            Some(path) => Credentials::file(path),
            None => Credentials::aws(
                clients.config.clone(),
                endpoint("SECRETS_MANAGER"),
                endpoint("SSM"),
            ),
        };
        Self::new(&config, credentials)
    }
}
