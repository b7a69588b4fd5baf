//! The transports of gateways, as the environment describes them.

use super::clients::{Clients, endpoint, env, variable};
use crate::{
    Error,
    outside::{Config, Credentials, Outside},
};

impl Outside {
    /// The transports of the gateways that `GATEWAYS` describes, to the hosts
    /// that `OUTSIDE_HOSTS` lists; none where `GATEWAYS` is empty. Their
    /// credentials are in the file that `SECRETS_FILE` names, which only a local
    /// system sets, or else in Secrets Manager and Parameter Store.
    ///
    /// # Errors
    ///
    /// When a variable is not set, or does not hold what is expected: the path of
    /// the member, and why.
    pub fn from_env(clients: &Clients) -> Result<Self, Error> {
        let config = Config::read(&env("GATEWAYS")?, &env("OUTSIDE_HOSTS")?)?;
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
