"""From a trigger's records to the items of inserts, as AWS's samples read Kinesis."""

import base64
import json
import sys
import time

REPEATS = 40


def plan(text):
    event = json.loads(text)
    commits = {}
    for record in event["Records"]:
        batch = json.loads(base64.b64decode(record["kinesis"]["data"]))
        for one in batch["events"]:
            commits.setdefault(one["subject"], []).append(one)
    size = sum(len(json.dumps(events)) for events in commits.values())
    return len(event["Records"]), size


with open(sys.argv[1], encoding="utf-8") as file:
    payload = file.read()
for _ in range(20):
    plan(payload)
for _ in sys.stdin:
    before = time.process_time()
    records = sum(plan(payload)[0] for _ in range(REPEATS))
    print((time.process_time() - before) * 1e6 / records, flush=True)
