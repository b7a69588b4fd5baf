"""What an operator does from a shell: the verbs of `rewind`, and `cargo lambda`."""

import json
import os
import pathlib
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

import shortfalls
from say import Failure, check, step
from stack import STACK


def done(stack, programs, rewind):
    """Does all of it."""
    deployed_alone(stack, programs)
    verified(stack, rewind)
    exported(stack, rewind)
    looked_at(stack, rewind)


def looked_at(stack, rewind):
    """The console of the deployment, as the page in the browser asks it."""
    step("rewind console")
    url = urllib.parse.urlsplit(stack.endpoint)
    host = shortfalls.host(stack.outputs["Url"], url.port)
    if not shortfalls.named(host):
        return
    options = [*deployment(stack, rewind), "--url", f"http://{host}", "--json"]
    command = [rewind, "console", *options]
    console = subprocess.Popen(command, env=as_operator(stack), stdout=subprocess.PIPE, text=True)
    try:
        at = json.loads(console.stdout.readline())["console"].removesuffix("/console")
        check("the page is there", b"<title>" in asked(f"{at}/console")[1])
        policy = asked(f"{at}/console")[2]["content-security-policy"]
        check("its policy lets it ask nobody else", policy.split(";")[0], "default-src 'none'")
        system = json.loads(asked(f"{at}/console/system")[1])
        check(f"it says which system it is of: {system['name']}", STACK in system["name"])
        rows = json.loads(asked(f"{at}/projections/basic-sum/curl")[1])
        check("rows come through it, signed", rows["state"]["votes"], {"chips": 1})
        streams = json.loads(asked(f"{at}/streams?category=poll")[1])["streams"]
        check(f"so do {len(streams)} streams, by name", bool(streams))
        latest = json.loads(asked(f"{at}/events?latest=5")[1])["events"]
        check("and the latest events", len(latest), 5)
        health = json.loads(asked(at + shortfalls.path("/health"))[1])
        check("and health", health["status"], "ok")
        status, _, _ = asked(f"{at}/projections", {"Host": "example.org"})
        check("another host is refused", status, 403)
        status, _, _ = asked(f"{at}/projections", {"Origin": "http://example.org"})
        check("a page of another site is refused", status, 403)
    finally:
        console.terminate()
        console.wait()


def asked(url, headers=None):
    """A status, a body and headers."""
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read(), {}


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
