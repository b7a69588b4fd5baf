"""What an operator does from a shell: the verbs of `rewind`, and `cargo lambda`."""

import json
import os
import pathlib
import subprocess
import tempfile

from say import Failure, check, step
from stack import STACK


def done(stack, programs, rewind):
    """Does all of it."""
    deployed_alone(stack, programs)
    verified(stack, rewind)
    exported(stack, rewind)


def verified(stack, rewind):
    step(f"rewind verify, rewind export: {' '.join(deployment(stack, rewind))}")
    said = ran([rewind, "verify", *deployment(stack, rewind), "--json"], as_operator(stack))
    found = json.loads(said)
    check(f"verify: {json.dumps(found['counts'])}", (found["clean"], found["violations"]), (True, []))


def exported(stack, rewind):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "history.jsonl"
        said = ran([rewind, "export", *deployment(stack, rewind), "--out", str(path), "--json"], as_operator(stack))
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    check(f"export writes {len(lines)} events", json.loads(said)["events"], len(lines))
    streams = {}
    for line in lines:
        streams.setdefault(line["subject"], []).append(line["version"])
    dense = [name for name, versions in streams.items() if versions != [*range(1, len(versions) + 1)]]
    check(f"the versions of its {len(streams)} streams are 1, 2, 3 without gaps", dense, [])
    check("the reversal is among them", [line["type"] for line in lines].count("reversed"), 1)


def deployed_alone(stack, programs):
    """One function, as cargo-lambda deploys it: query, under a name of its own."""
    step("cargo lambda deploy, cargo lambda invoke --remote")
    query = next(name for name, binary in stack.binaries.items() if binary == "query")
    there = stack.client("lambda").get_function_configuration(FunctionName=stack.ids[query])
    name = f"{STACK}-query-alone"
    settings = ",".join(f"{key}={value}" for key, value in there["Environment"]["Variables"].items())
    # cargo-lambda asks for the role that it is given to exist, and for the
    # rights of who deploys: the account's root here.
    environment = os.environ.copy()
    said = ran(
        ["cargo-lambda", "lambda", "deploy", "--endpoint-url", stack.endpoint, "--region", stack.region,
         "--binary-path", str(programs / "query"), "--role", there["Role"], "--env-var", settings,
         "--timeout", "29", "--memory", "256", "--output-format", "json", name],
        environment,
    )  # fmt: skip
    check(f"cargo lambda deploys {name}", name in said)
    request = {
        "version": "2.0",
        "routeKey": "GET /projections/{name}/{key+}",
        "rawPath": "/projections/basic-sum/curl",
        "pathParameters": {"name": "basic-sum", "key": "curl"},
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": "/projections/basic-sum/curl"}},
        "isBase64Encoded": False,
    }
    said = ran(
        ["cargo-lambda", "lambda", "invoke", "--remote", "--endpoint-url", stack.endpoint, "--region", stack.region,
         "--output-format", "json", "--data-ascii", json.dumps(request), name],
        environment,
    )  # fmt: skip
    answer = json.loads(said)
    check("it answers what the deployed one answers", json.loads(answer["body"])["state"]["votes"], {"chips": 1})


def deployment(stack, rewind):
    """The options that name this deployment: its stack at the engine, where the
    template's outputs name its parts. Otherwise they are named one by one."""
    if "EventsTable" in stack.outputs and "--stack" in ran([rewind, "verify", "--help"], os.environ):
        return ["--stack", STACK, "--endpoint", stack.endpoint]
    named = {"--events-table": "EventsTable", "--data-table": "DataTable"}
    return ["--aws", *(part for option, logical_id in named.items() for part in (option, stack.ids[logical_id]))]


def as_operator(stack):
    """The environment of somebody who may read, and whose AWS is the engine."""
    key, secret = stack.operator
    return os.environ | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": stack.endpoint}


def ran(command, environment):
    """Runs a program, and returns what it prints."""
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ended.returncode != 0:
        said = f"{ended.stderr.strip()} {ended.stdout.strip()}"
        raise Failure(f"{' '.join(command)} ends with {ended.returncode}: {said}")
    return ended.stdout
