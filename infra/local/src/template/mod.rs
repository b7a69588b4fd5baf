//! CloudFormation: reads a SAM template, and returns what it declares with all names resolved.
//!
//! [`Template`] is the document; [`Model`] is what the local system runs of it. The room knows YAML, intrinsic
//! functions and the properties of resources. It does not know what is done with the model, and starts nothing. It
//! ignores properties that the local system does not support. A reference to something that is not declared is an
//! error, as it is at a deployment.

mod branches;
mod document;
mod error;
mod functions;
mod intrinsics;
mod mappings;
mod model;
mod notifications;
mod policies;
mod properties;
mod references;
mod routes;
mod schedules;
mod scope;
mod streams;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

pub use error::TemplateError;
pub use model::{
    Attribute, Authorization, Function, Index, Key, Mapping, Model, Projection, Route, Schedule,
    StartingPosition, Statement, Stream, Table,
};

pub use notifications::Notification;
pub use scope::{ACCOUNT, REGION};

use intrinsics::Resolver;
use properties::Properties;

/// A SAM template whose syntax and references are valid.
#[derive(Debug, Clone)]
pub struct Template {
    document: serde_json::Value,
    parameters: BTreeMap<String, String>,
}

impl Template {
    /// Parses the text of a template.
    ///
    /// # Errors
    ///
    /// When the text is not YAML, when a reference names something that is not declared, or when a resource that the
    /// local system runs lacks a property.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = Self {
            document: document::parse(text)?,
            parameters: BTreeMap::new(),
        };
        // The stack's name only changes physical names, so any stack finds every mistake.
        template.model("validation")?;
        Ok(template)
    }

    /// Reads and parses a template's file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and as [`Template::parse`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, TemplateError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| TemplateError::Missing {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::parse(&text)
    }

    /// Whether the template declares a parameter of this name.
    pub fn declares(&self, parameter: &str) -> bool {
        !self.document["Parameters"][parameter].is_null()
    }

    /// The template with parameters' values in place of their defaults.
    ///
    /// # Errors
    ///
    /// When the template declares no such parameter, does not allow the value, or is wrong with it.
    pub fn with_parameters(
        mut self,
        parameters: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, TemplateError> {
        self.parameters.extend(parameters);
        self.model("validation")?;
        Ok(self)
    }

    /// The resources of a type, by logical id, with all names resolved as in the stack `stack`.
    ///
    /// # Errors
    ///
    /// As [`Template::parse`].
    pub fn resolved(
        &self,
        stack: &str,
        resource_type: &str,
    ) -> Result<BTreeMap<String, serde_json::Value>, TemplateError> {
        let document = branches::chosen(&self.document, &self.parameters)?;
        let resolver = Resolver::new(&document, stack)?;
        let resources = Properties::of_resources(&resolver, resource_type);
        resources
            .map(|(name, resource)| Ok((name.to_owned(), resource.value("Properties")?)))
            .collect()
    }

    /// What the template declares when it is deployed as `stack`.
    ///
    /// # Errors
    ///
    /// As [`Template::parse`].
    pub fn model(&self, stack: &str) -> Result<Model, TemplateError> {
        let document = branches::chosen(&self.document, &self.parameters)?;
        let resolver = Resolver::new(&document, stack)?;
        references::check(&resolver)?;
        let (functions, mut routes, mappings, schedules, notifications) =
            functions::read(&resolver)?;
        routes.extend(routes::of_resources(&resolver)?);
        Ok(Model {
            streams: streams::read(&resolver)?,
            tables: tables::read(&resolver)?,
            functions,
            routes,
            streaming: routes::streaming(&resolver)?,
            mappings,
            schedules,
            notifications,
        })
    }
}
