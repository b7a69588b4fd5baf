//! The file in which a running local system publishes its endpoints, for the
//! verbs that are called beside it.

use crate::end::End;
use rewind_aws::wiring::Endpoints;
use serde_json::{Value, json};
use std::path::Path;

/// Its name in the state folder.
pub const FILE: &str = "endpoints.json";

/// Publishes the endpoints of a local system in its state folder, for the verbs
/// that are called while it runs.
///
/// # Errors
///
/// When the file cannot be written.
pub fn announce(dir: &Path, dynamodb: &str, kinesis: &str, url: &str) -> std::io::Result<()> {
    let published = json!({"dynamodb": dynamodb, "kinesis": kinesis, "lambda": url});
    local::write_private(&dir.join(FILE), published.to_string())
}

/// Removes the published endpoints when the system stops.
pub fn withdraw(dir: &Path) {
    // If the file stays, a verb reports that its services do not answer.
    let _ = std::fs::remove_file(dir.join(FILE));
}

/// Reads the endpoints of the local system with this state folder.
///
/// # Errors
///
/// When no system runs in the folder.
pub fn of_local_system(dir: &Path) -> Result<Endpoints, End> {
    let path = dir.join(FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
        let dir = dir.display();
        return Err(End::Failed(format!(
            "no system runs in {dir}: start one with `cargo run`, or name another place with --dir, --endpoint, --stack or --aws"
        )));
    };
    let published: Value = serde_json::from_str(&text).unwrap_or_default();
    let endpoint = |name: &str| published[name].as_str().map(ToString::to_string);
    let endpoints = Endpoints {
        dynamodb: endpoint("dynamodb"),
        kinesis: endpoint("kinesis"),
        lambda: endpoint("lambda"),
        cloudformation: None,
    };
    if endpoints.dynamodb.is_none() || endpoints.kinesis.is_none() || endpoints.lambda.is_none() {
        let path = path.display();
        return Err(End::Failed(format!(
            "{path} lacks an endpoint of `dynamodb`, `kinesis` or `lambda`: restart the system with `cargo run`"
        )));
    }
    Ok(endpoints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_system_says_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let nobody = of_local_system(dir.path()).unwrap_err();
        assert!(format!("{nobody:?}").contains("cargo run"), "{nobody:?}");
        let path = dir.path().join(FILE);
        announce(dir.path(), "http://d", "http://k", "http://l").unwrap();
        let endpoints = of_local_system(dir.path()).unwrap();
        assert_eq!(endpoints.dynamodb.as_deref(), Some("http://d"));
        assert_eq!(endpoints.kinesis.as_deref(), Some("http://k"));
        std::fs::write(&path, "{").unwrap();
        assert!(of_local_system(dir.path()).is_err());
    }
}
