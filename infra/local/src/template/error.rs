//! What is wrong with a template. An error names the resource and the property.

use std::path::PathBuf;

/// What is wrong with a template. Every variant displays as one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The file is missing, or cannot be read.
    #[error("the template {} cannot be read ({reason}): run this in the folder of template.yaml, or name it with --template", path.display())]
    Missing {
        /// The template's file.
        path: PathBuf,
        /// What the system call said.
        reason: String,
    },
    /// The text is not YAML.
    #[error("the template is not valid YAML: {reason}")]
    Syntax {
        /// Where, and what was expected.
        reason: String,
    },
    /// The document has no `Resources`, or they are not a map.
    #[error("the template has no map of Resources")]
    NoResources,
    /// A property of a resource is missing or wrong.
    #[error("the template's {resource}.{property} is invalid: {reason}")]
    Property {
        /// The resource's logical id, or `Globals`.
        resource: String,
        /// The property, with a dot between levels.
        property: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
}

impl TemplateError {
    /// An error at a property.
    pub(crate) fn at(resource: &str, property: &str, reason: impl Into<String>) -> Self {
        Self::Property {
            resource: resource.to_owned(),
            property: property.to_owned(),
            reason: reason.into(),
        }
    }
}
