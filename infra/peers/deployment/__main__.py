"""Deploys Rewind into MiniStack as it is deployed on AWS, and uses it.

`infra/peers/deployed` calls this where the engine runs and everything is built.
The first check that fails ends it, with the functions' logs.
"""

import json
import os
import pathlib
import sys
import traceback
import urllib.parse

import by_hand
import story
from say import Failure, note, step
from stack import Stack

ROOT = pathlib.Path(__file__).resolve().parents[3]
TEMPLATE = pathlib.Path(os.environ.get("REWIND_TEMPLATE", ROOT / "template.yaml"))
REGION = os.environ["AWS_REGION"]
PROGRAMS = pathlib.Path(os.environ["REWIND_PROGRAMS"])
LINES_OF_LOG = 15
LENGTH_OF_LINE = 400


def main():
    endpoint = os.environ["REWIND_ENDPOINT"]
    stack = Stack(endpoint, REGION)
    try:
        step("the template becomes a stack")
        stack.deploy(TEMPLATE, PROGRAMS)
        url = urllib.parse.urlsplit(endpoint)
        story.told(stack, (url.hostname, url.port))
        by_hand.done(stack, PROGRAMS, os.environ["REWIND_PROGRAM"])
    except Exception as error:  # noqa: BLE001
        # Whatever it is, the functions' logs say more.
        if not isinstance(error, Failure):
            traceback.print_exc(file=sys.stdout)
        print(f"FAILED  {error}", flush=True)
        explain(stack)
        return 1
    step("all of it holds")
    return 0


def explain(stack):
    """Prints the ends of the functions' logs."""
    for binary in stack.binaries.values():
        lines = stack.log(binary) if stack.ids else []
        said = [line for line in lines if not line.get("text", "").startswith(("START ", "END ", "REPORT "))]
        print(f"\n--- {binary}: the last of {len(said)} lines")
        for line in said[-LINES_OF_LOG:]:
            note((line.get("text") or json.dumps(line.get("fields", line)))[:LENGTH_OF_LINE])
    print(f"\nthe engine's own log: {os.environ.get('PEER_LOG')}")


if __name__ == "__main__":
    sys.exit(main())
