"""Where MiniStack 1.5.33 differs from AWS, and what this check does about it.

Everything is here, and nothing of it is in the template. Each function names
what AWS does. The first part changes the expanded template, the second is about
the functions' code, the third about what was deployed, the fourth about calls.
"""

import json
import pathlib
import re
import socket
import sys
import zipfile

# The types that the engine's CloudFormation makes. It refuses a template with
# any other, as AWS refuses a type that does not exist.
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS as MADE

from say import note

REDELIVER = pathlib.Path(__file__).with_name("redeliver.py")

# ------------------------------------------------------------------ template


def fit(template):
    """Makes of an expanded template what the engine deploys. Returns what is left out."""
    write_out_routes(template)
    run_on_this_machine(template)
    log_as_asked(template)
    name_other_actions(template)
    widen_without_resource(template)
    forget_keys(template)
    return leave_out(template)


def write_out_routes(template):
    """AWS makes routes and integrations of an API's OpenAPI `Body`, which is what
    SAM writes for `HttpApi` events. The engine reads no `Body`: each of its
    operations becomes an Integration and a Route. An API whose routes are
    resources already has no `Body`, and stays as it is."""
    resources = template["Resources"]
    apis = [(name, api) for name, api in resources.items() if api["Type"] == "AWS::ApiGatewayV2::Api"]
    for name, api in apis:
        body = api["Properties"].pop("Body", None)
        if body is None:
            continue
        api["Properties"] |= {"Name": name, "ProtocolType": "HTTP"}
        for path, operations in body["paths"].items():
            for method, operation in operations.items():
                made = name + re.sub(r"\W", "", f"{method.title()}{path.title()}")
                integration = operation["x-amazon-apigateway-integration"]
                schemes = [scheme for each in operation.get("security", []) for scheme in each]
                resources[f"{made}Integration"] = {
                    "Type": "AWS::ApiGatewayV2::Integration",
                    "Properties": {
                        "ApiId": {"Ref": name},
                        "IntegrationType": "AWS_PROXY",
                        "IntegrationUri": integration["uri"],
                        "PayloadFormatVersion": integration["payloadFormatVersion"],
                    },
                }
                resources[made] = {
                    "Type": "AWS::ApiGatewayV2::Route",
                    "Properties": {
                        "ApiId": {"Ref": name},
                        "RouteKey": f"{method.upper()} {path}",
                        "AuthorizationType": "AWS_IAM" if "AWS_IAM" in schemes else "NONE",
                        "Target": {"Fn::Sub": f"integrations/${{{made}Integration}}"},
                    },
                }


def run_on_this_machine(template):
    """AWS runs arm64. The engine starts a function as a process of its own
    machine, for which this check has built them."""
    for function in of_type(template, "AWS::Lambda::Function"):
        function["Properties"].pop("Architectures", None)


def log_as_asked(template):
    """AWS tells a function its `LoggingConfig` in two variables. The engine does
    not, so that it would log text."""
    for function in of_type(template, "AWS::Lambda::Function"):
        logging = function["Properties"].get("LoggingConfig", {})
        variables = function["Properties"].setdefault("Environment", {}).setdefault("Variables", {})
        for name, asked in (("AWS_LAMBDA_LOG_FORMAT", "LogFormat"), ("AWS_LAMBDA_LOG_LEVEL", "ApplicationLogLevel")):
            if asked in logging:
                variables[name] = logging[asked]


def name_other_actions(template):
    """AWS checks PartiQL statements as `PartiQLInsert` and so on, each on its
    table. The engine checks the request that carries them, and on no table. The
    same statement is granted under the engine's names; `PutItem`, `UpdateItem`
    and `DeleteItem` stay denied, but an INSERT is told from an UPDATE on AWS
    only."""
    carriers = ["dynamodb:BatchExecuteStatement", "dynamodb:ExecuteStatement", "dynamodb:ExecuteTransaction"]
    for document in policies(template):
        if "dynamodb:PartiQLInsert" in granted(document):
            document["Statement"].append({"Effect": "Allow", "Action": carriers, "Resource": "*"})


def widen_without_resource(template):
    """AWS knows the stream of a shard iterator, and checks `GetRecords` on it.
    The engine checks it on `*`."""
    for document in policies(template):
        if "kinesis:GetRecords" in granted(document):
            document["Statement"].append({"Effect": "Allow", "Action": "kinesis:GetRecords", "Resource": "*"})


def forget_keys(template):
    """AWS gives a policy the partition keys of a request as
    `dynamodb:LeadingKeys`. The engine does not, so that a condition on them
    denies everything."""
    for document in policies(template):
        for statement in statements(document):
            conditions = statement.get("Condition", {})
            for operator in list(conditions):
                conditions[operator].pop("dynamodb:LeadingKeys", None)
                if not conditions[operator]:
                    del conditions[operator]
            if not conditions:
                statement.pop("Condition", None)


def leave_out(template):
    """AWS makes these, and the engine does not. Without CodeDeploy, an alias moves
    at once instead of by weights."""
    resources = template["Resources"]
    left = {name: resource["Type"] for name, resource in resources.items() if resource["Type"] not in MADE}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
            left[name] = "alarm over several metrics"
    for name in left:
        del resources[name]
    for resource in resources.values():
        depends = [name for name in as_list(resource.pop("DependsOn", [])) if name not in left]
        if depends:
            resource["DependsOn"] = depends
        resource.pop("UpdatePolicy", None)
    return left


# ---------------------------------------------------------------------- code


def not_redelivered(template):
    """The functions to which AWS gives records again that their answers name,
    and the engine does not: those of triggers with `ReportBatchItemFailures`."""
    names = set()
    for trigger in of_type(template, "AWS::Lambda::EventSourceMapping"):
        function = trigger["Properties"]["FunctionName"]
        if "ReportBatchItemFailures" in trigger["Properties"].get("FunctionResponseTypes", []):
            names.add(function.get("Ref") or function["Fn::GetAtt"][0])
    return names


def pack(archive, program, needs_redelivery):
    """Puts a function into its zip: as `bootstrap`, as on AWS, or behind
    `redeliver.py`, which tells the engine what it would not hear."""
    # ZipFile.write keeps that the file can be executed.
    if not needs_redelivery:
        archive.write(program, "bootstrap")
        return
    archive.write(program, "function")
    between = zipfile.ZipInfo("bootstrap")
    between.external_attr = 0o755 << 16
    archive.writestr(between, f"#!{sys.executable}\n{REDELIVER.read_text()}")


# ------------------------------------------------------------------ deployed


def apply_dropped(template, resource_ids, dynamodb):
    """AWS's CloudFormation gives a table its `ResourcePolicy` and its
    point-in-time recovery. The engine's drops both, so they are set by the calls
    that CloudFormation would make. It keeps the policy, and does not enforce it:
    what denies a change of an event here is that no role is granted one."""
    tables = [(name, table) for name, table in template["Resources"].items() if table["Type"] == "AWS::DynamoDB::Table"]
    for name, table in tables:
        described = dynamodb.describe_table(TableName=resource_ids[name])["Table"]
        policy = table["Properties"].get("ResourcePolicy", {}).get("PolicyDocument")
        if policy:
            dynamodb.put_resource_policy(ResourceArn=described["TableArn"], Policy=json.dumps(policy))
        recovery = table["Properties"].get("PointInTimeRecoverySpecification")
        if recovery:
            dynamodb.update_continuous_backups(
                TableName=described["TableName"], PointInTimeRecoverySpecification=recovery
            )


# --------------------------------------------------------------------- calls


def host(url, port):
    """On AWS a name of its own leads to each API. The engine listens at one
    address, and tells APIs apart by the Host header."""
    api = url.split("//")[1].split(".")[0]
    return f"{api}.execute-api.localhost:{port}"


def named(host):
    """On AWS, DNS knows the host of an API. Here this machine has to, for clients
    that are not told an address; only root may tell it. Says whether it does."""
    name = host.split(":")[0]
    try:
        socket.getaddrinfo(name, 80)
    except OSError:
        try:
            with open("/etc/hosts", "a") as hosts:
                hosts.write(f"127.0.0.1 {name}\n")
        except OSError as error:
            note(f"left out: this machine does not know {name}, and {error}")
            return False
    return True


def path(path):
    """On AWS each path of an API is its own. The engine answers `/health` itself,
    unless the stage stands before it."""
    return f"/%24default{path}" if path.split("?")[0] == "/health" else path


# ------------------------------------------------------------------- helpers


def of_type(template, name):
    return [resource for resource in template["Resources"].values() if resource["Type"] == name]


def policies(template):
    """The documents of all policies of roles, and of policies that stand alone."""
    for role in of_type(template, "AWS::IAM::Role"):
        for policy in role["Properties"].get("Policies", []):
            yield policy["PolicyDocument"]
    for kind in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
        for policy in of_type(template, kind):
            yield policy["Properties"]["PolicyDocument"]


def statements(document):
    """The statements of a policy, those that a condition of the template adds
    among them."""
    waiting = list(document["Statement"])
    while waiting:
        statement = waiting.pop(0)
        if "Fn::If" in statement:
            waiting[:0] = statement["Fn::If"][1:]
        elif "Effect" in statement:
            yield statement


def granted(document):
    """The actions that a policy allows on anything."""
    allowing = [statement for statement in statements(document) if statement["Effect"] == "Allow"]
    return {action for statement in allowing for action in as_list(statement["Action"])}


def as_list(value):
    return value if isinstance(value, list) else [value]
