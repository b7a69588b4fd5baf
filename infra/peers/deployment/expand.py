"""The template as CloudFormation gets it: the SAM transform, applied.

The walk goes over resources by their type, so it knows no name of the template.
"""

import logging
import os

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """The template names managed policies by ARN, so SAM need not know them."""

    @staticmethod
    def load():
        return {}


def read(path):
    """The template as it is written."""
    return yaml_parse(path.read_text())


def binaries(template):
    """The binary of each function, by logical id, as `sam build` finds it."""
    functions = {}
    for logical_id, resource in template["Resources"].items():
        binary = resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary")
        if binary:
            functions[logical_id] = binary
    return functions


def expanded(template, code, region):
    """The template without SAM. `code` gives each function's (bucket, key) in S3."""
    for logical_id, (bucket, key) in code.items():
        resource = template["Resources"][logical_id]
        properties = resource["Properties"]
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = {"Bucket": bucket, "Key": key}
        else:
            properties["Code"] = {"S3Bucket": bucket, "S3Key": key}
    # SAM reads the region there, and tells of features that are off.
    os.environ["AWS_DEFAULT_REGION"] = region
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    return transform(template, {}, NoManagedPolicies())
