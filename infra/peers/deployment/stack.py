"""Deploys the template into the engine by CloudFormation, and tells what is there."""

import contextlib
import io
import json
import time
import zipfile

import boto3

import expand
import shortfalls
from say import Failure, check, note

BUCKET = "rewind-code"
STACK = "rewind"


class Stack:
    """A stack under way, as the root of the engine's account sees it."""

    def __init__(self, endpoint, region):
        self.endpoint = endpoint
        self.region = region
        self.session = boto3.Session(region_name=region)
        self.ids = {}
        self.outputs = {}
        self.binaries = {}
        # The keys of the user who works with the stack.
        self.operator = None
        # Whether the template closes every route, by its parameter `Auth`.
        self.is_closed = False

    def client(self, service):
        return self.session.client(service, endpoint_url=self.endpoint)

    def deploy(self, path, programs):
        """Deploys. `programs` is the folder of the built functions."""
        template = expand.read(path)
        self.binaries = expand.binaries(template)
        self.is_closed = "Auth" in template.get("Parameters", {})
        code = {logical_id: (BUCKET, f"{binary}.zip") for logical_id, binary in self.binaries.items()}
        template = expand.expanded(template, code, self.region)
        left_out = shortfalls.fit(template)
        self.upload(programs, shortfalls.not_redelivered(template))
        for kind in sorted(set(left_out.values())):
            names = ", ".join(name for name, its in left_out.items() if its == kind)
            note(f"left out, as the engine has no {kind}: {names}")
        self.create(template)
        shortfalls.apply_dropped(template, self.ids, self.client("dynamodb"))
        functions = ", ".join(sorted(self.ids[name] for name in self.binaries))
        check(f"CloudFormation made {len(self.ids)} resources; functions: {functions}", len(self.binaries), 6)

    def upload(self, programs, not_redelivered):
        """Zips each function as `sam package` does, into the engine's S3."""
        s3 = self.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for logical_id, binary in self.binaries.items():
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                shortfalls.pack(archive, programs / binary, logical_id in not_redelivered)
            s3.put_object(Bucket=BUCKET, Key=f"{binary}.zip", Body=packed.getvalue())

    def create(self, template):
        """Creates the stack, with the defaults of its parameters."""
        cloudformation = self.client("cloudformation")
        # From S3, as SAM does: a template may then be twenty times as long.
        self.client("s3").put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(template, default=str))
        cloudformation.create_stack(
            StackName=STACK,
            TemplateURL=f"{self.endpoint}/{BUCKET}/template.json",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        while True:
            stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(0.2)
        if stack["StackStatus"] != "CREATE_COMPLETE":
            events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
            failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("FAILED")]
            why = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed[:3]]
            why = "; ".join(why)
            raise Failure(f"the stack is {stack['StackStatus']}: {why}")
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
        for page in pages:
            for resource in page["StackResourceSummaries"]:
                self.ids[resource["LogicalResourceId"]] = resource["PhysicalResourceId"]

    def api_id(self):
        """The id of the API that the output `Url` leads to."""
        return self.outputs["Url"].split("//")[1].split(".")[0]

    def routes(self):
        """The routes of the API, as API Gateway lists them."""
        pages = self.client("apigatewayv2").get_paginator("get_routes").paginate(ApiId=self.api_id())
        return [route for page in pages for route in page["Items"]]

    def user(self, name, statements):
        """Makes a user who may do this, and returns the user's keys."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=document)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return made["AccessKeyId"], made["SecretAccessKey"]

    def as_role_of(self, logical_id, service):
        """A client with the rights of a function: its role, as Lambda assumes it."""
        role = self.client("lambda").get_function_configuration(FunctionName=self.ids[logical_id])["Role"]
        name = role.split("/")[-1]
        iam, sts = self.client("iam"), self.client("sts")
        # Lambda alone may assume it: for this look, the root of the account may too.
        trusted = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        account = sts.get_caller_identity()["Account"]
        also = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
        opened = trusted | {"Statement": [*trusted["Statement"], also]}
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(opened))
        keys = sts.assume_role(RoleArn=role, RoleSessionName="peers")["Credentials"]
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trusted))
        return self.session.client(
            service,
            endpoint_url=self.endpoint,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    @contextlib.contextmanager
    def denied(self, binary, action, table):
        """Takes a right on a table away from a function's role, for a while."""
        logical_id = next(name for name, its in self.binaries.items() if its == binary)
        function = self.client("lambda").get_function_configuration(FunctionName=self.ids[logical_id])
        named = {"RoleName": function["Role"].split("/")[-1], "PolicyName": "outage"}
        arn = self.client("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]
        # The engine knows no table of a PartiQL statement: it is denied by its name.
        carriers = {"Effect": "Deny", "Action": "dynamodb:BatchExecuteStatement", "Resource": "*"}
        denied = {"Effect": "Deny", "Action": action, "Resource": [arn, f"{arn}/*"]}
        document = {"Version": "2012-10-17", "Statement": [denied, carriers]}
        iam = self.client("iam")
        iam.put_role_policy(**named, PolicyDocument=json.dumps(document))
        try:
            yield
        finally:
            iam.delete_role_policy(**named)

    def log(self, binary):
        """What a function has logged: its JSON lines, and others as text."""
        logs = self.client("logs")
        name = next(self.ids[logical_id] for logical_id, its in self.binaries.items() if its == binary)
        config = self.client("lambda").get_function_configuration(FunctionName=name)
        group = config.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
            messages = [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []
        lines = []
        for message in messages:
            for line in message.splitlines():
                try:
                    parsed = json.loads(line)
                except ValueError:
                    parsed = None
                lines.append(parsed if isinstance(parsed, dict) else {"text": line})
        return lines
