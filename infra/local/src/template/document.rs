//! Parses YAML to JSON. Short intrinsic functions (`!Ref`) become long ones (`{"Ref": …}`).

use serde_json::{Map, Value as Json, json};
use serde_yaml_ng::Value as Yaml;

use super::TemplateError;

/// Parses a template's text.
pub(super) fn parse(text: &str) -> Result<Json, TemplateError> {
    let yaml: Yaml = serde_yaml_ng::from_str(text).map_err(|error| TemplateError::Syntax {
        reason: error.to_string(),
    })?;
    let json = to_json(yaml)?;
    if !json["Resources"].is_object() {
        return Err(TemplateError::NoResources);
    }
    Ok(json)
}

fn to_json(yaml: Yaml) -> Result<Json, TemplateError> {
    Ok(match yaml {
        Yaml::Null => Json::Null,
        Yaml::Bool(value) => Json::Bool(value),
        Yaml::String(value) => Json::String(value),
        Yaml::Number(value) => match (value.as_i64(), value.as_f64()) {
            (Some(whole), _) => json!(whole),
            (None, Some(fraction)) => json!(fraction),
            (None, None) => Json::String(value.to_string()),
        },
        Yaml::Sequence(items) => {
            Json::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = match key {
                    Yaml::String(key) => key,
                    // YAML reads an unquoted key such as 200 as a number.
                    Yaml::Number(key) => key.to_string(),
                    Yaml::Bool(key) => key.to_string(),
                    other => {
                        return Err(TemplateError::Syntax {
                            reason: format!("{other:?} cannot be a key"),
                        });
                    }
                };
                map.insert(key, to_json(value)?);
            }
            Json::Object(map)
        }
        Yaml::Tagged(tagged) => intrinsic(&tagged.tag.to_string(), to_json(tagged.value)?),
    })
}

fn intrinsic(tag: &str, argument: Json) -> Json {
    let name = match tag.trim_start_matches('!') {
        name @ ("Ref" | "Condition") => name.to_owned(),
        name => format!("Fn::{name}"),
    };
    let argument = match argument {
        // The short form of GetAtt has a dot between resource and attribute.
        Json::String(path) if name == "Fn::GetAtt" => {
            let (resource, attribute) = path.split_once('.').unwrap_or((&path, ""));
            json!([resource, attribute])
        }
        other => other,
    };
    json!({ name: argument })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_intrinsics_become_long_ones() {
        let document = parse(
            "Resources: {A: {B: !Ref C, D: !GetAtt E.F.G, H: !Sub '${I}', J: !If [k, l, m]}}",
        )
        .unwrap();
        assert_eq!(
            document["Resources"]["A"],
            json!({
                "B": {"Ref": "C"},
                "D": {"Fn::GetAtt": ["E", "F.G"]},
                "H": {"Fn::Sub": "${I}"},
                "J": {"Fn::If": ["k", "l", "m"]},
            })
        );
    }

    #[test]
    fn a_text_that_is_not_yaml_is_refused_with_its_place() {
        let error = parse("Resources: {A: [").unwrap_err().to_string();
        assert!(
            error.starts_with("the template is not valid YAML"),
            "{error}"
        );
        assert!(error.contains("at line 2"), "{error}");
    }
}
