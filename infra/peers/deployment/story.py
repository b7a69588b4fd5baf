"""What a team does with a deployment, checked step by step."""

import json
import subprocess

import poll
import rights
from client import Api
from say import check, note, step

BATCH = "application/cloudevents-batch+json"
EVENT = "application/cloudevents+json"
VOTERS = 1000


def told(stack, address):
    """Tells all of it."""
    api_arn = f"arn:aws:execute-api:{stack.region}:*:{stack.api_id()}/*"
    functions = [f"arn:aws:lambda:{stack.region}:*:function:{stack.ids[name]}*" for name in stack.binaries]
    stack.operator = stack.user(
        "operator",
        [
            {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": api_arn},
            {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": functions},
            {
                "Effect": "Allow",
                "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"],
                "Resource": "*",
            },
            {"Effect": "Allow", "Action": "cloudformation:Describe*", "Resource": "*"},
        ],
    )
    url = stack.outputs["Url"]
    api = Api(address, url, stack.region, stack.operator)
    rights.closed(stack, address, url, api)
    shop(api)
    cast = poll.votes(VOTERS, seed=1)
    sums(api, cast)
    repeats(api, cast)
    foreign(api)
    outage(stack, api)
    rebuilt(api)
    replayed_by_hand(stack, api)
    reversed_once(api)
    from_nothing(stack, api)
    rights.append_only(stack)
    healthy(api)


def shop(api):
    step("raw inputs, an adapter, a rule")
    for given in poll.SHOPPING:
        accepted = api.post("/inputs/shop", given, 202)
        check(f"POST /inputs/shop {given['type']}", accepted["stream"], "input:shop-456")
    row = api.wait("/projections/carts/456", lambda row: row["watermark"] == 3)
    check("the cart", row["state"], poll.CART)
    opened = api.wait("/streams/order-789", lambda body: len(body["events"]) == 1)
    check("what the rule emitted", opened["events"][0]["type"], "order-opened")


def sums(api, cast):
    step(f"the demonstration's poll: {len(cast)} votes of {VOTERS} voters")
    events = poll.events("poll-lunch", cast)
    for first in range(0, len(events), 50):
        api.post("/events", events[first : first + 50], 202, BATCH)
    for projection, votes in poll.results(cast).items():
        row = api.wait(f"/projections/{projection}/lunch", lambda row: row["watermark"] == len(events))
        found = (row["state"]["votes"], row["state"]["total"], row["state"]["finished"])
        check(f"{projection} counts {sum(votes.values())}", found, (votes, sum(votes.values()), True))


def repeats(api, cast):
    step("repeats, and an id with other content")
    events = poll.events("poll-lunch", cast)
    for batch in (events[:50], events[:50]):
        api.post("/events", batch, 202, BATCH)
    changed = events[0] | {"data": {"user": "user-0001", "choice": "the moon"}}
    api.post("/events", changed, 202, EVENT)
    # Recorded behind the repeats, on a stream of its own: pump has seen them.
    conflicts = api.wait("/streams/rewind-conflicts", lambda body: len(body["events"]) > 0)
    check("the conflict names the event", conflicts["events"][0]["data"]["id"], events[0]["id"])
    page = api.get(f"/streams/poll-lunch?from={len(events)}")
    check("100 repeats are recorded nowhere", [event["version"] for event in page["events"]], [len(events)])


def foreign(api):
    step("curl --aws-sigv4")
    event = poll.events("poll-curl", [("ann", "chips")])[0]
    key, secret = api.keys
    host, port = api.address
    called = subprocess.run(
        ["curl", "--silent", "--show-error", "--noproxy", "*", "--fail-with-body",
         "--aws-sigv4", f"aws:amz:{api.region}:execute-api", "--user", f"{key}:{secret}",
         "--connect-to", f"{api.host}:{host}:{port}", "--header", f"Content-Type: {EVENT}",
         "--data", json.dumps(event), f"http://{api.host}/events"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    check(f"curl posts an event: {called.stdout.strip()}", called.returncode, 0)
    row = api.wait("/projections/basic-sum/curl", lambda row: row["watermark"] == 1)
    check("and it is counted", row["state"]["votes"], {"chips": 1})


def outage(stack, api):
    step("an outage: pump may not reach the events table")
    with stack.denied("pump", "dynamodb:*", stack.ids["EventsTable"]):
        event = poll.events("poll-outage", [("ann", "chips")])[0]
        check("POST /events is accepted", api.post("/events", event, 202, EVENT)["stream"], "poll-outage")
        health = api.wait("/health", lambda body: body["failing"])
        check("/health names the function", {shard["function"] for shard in health["failing"]}, {"pump"})
        check("nothing is recorded", api.call("GET", "/streams/poll-outage").status, 404)
    row = api.wait("/projections/basic-sum/outage", lambda row: row["watermark"] == 1)
    check("after it, the event is recorded and counted", row["state"]["votes"], {"chips": 1})
    health = api.wait("/health", lambda body: not body["failing"])
    check("/health is ok again", health["status"], "ok")


def rebuilt(api):
    step("a rebuild over HTTP")
    before = api.rows("basic-sum")
    begun = api.post("/playbacks", {"to": [{"projection": "basic-sum"}]}, 202)
    ended = api.wait(f"/playbacks/{begun['id']}", lambda body: body["state"] in ("completed", "failed"))
    check(f"the playback of {ended['events']} events", ended["state"], "completed")
    check("generation 2 serves", api.get("/projections/basic-sum")["generation"], 2)
    check(f"its {len(before)} rows are those of generation 1", api.rows("basic-sum"), before)


def replayed_by_hand(stack, api):
    step("by hand: lambda invoke, activate, roll back")
    ended = invoked(stack, {"to": [{"projection": "one-vote-sum"}], "activate": "by-hand"})
    check("the playback waits for its operator", ended["state"], "caught-up")
    check("generation 1 still serves", api.get("/projections/one-vote-sum")["generation"], 1)
    for generation, status, serves in ((3, 409, 1), (2, 200, 2), (1, 200, 1), (2, 200, 2)):
        answer = api.call("POST", "/projections/one-vote-sum/activate", {"generation": generation})
        check(f"activate {generation}", answer.status, status)
        check(f"generation {serves} serves", api.get("/projections/one-vote-sum")["generation"], serves)


def reversed_once(api):
    step("a reversal")
    path = "/projections/basic-sum/lunch"
    before = api.get(path)
    event = api.get("/streams/poll-lunch?from=5&limit=1")["events"][0]
    choice = event["data"]["choice"]
    asked = {"reason": "not a guest"}
    preview = api.post("/streams/poll-lunch/events/5/reversal", asked | {"dry_run": True}, 200)
    note(f"a dry run: {json.dumps(preview)[:200]}")
    api.post("/streams/poll-lunch/events/5/reversal", asked, 202)
    row = api.wait(path, lambda row: row["watermark"] == before["watermark"] + 1)
    check("one vote less", row["state"]["votes"].get(choice, 0), before["state"]["votes"][choice] - 1)
    check("the total too", row["state"]["total"], before["state"]["total"] - 1)
    recorded = api.get(f"/streams/poll-lunch?from={row['watermark']}")["events"][0]
    check("why is recorded", recorded["data"]["reason"], "not a guest")
    check("and by whom: who signed", recorded["data"]["by"].endswith("user/operator"))
    check("a second reversal", api.call("POST", "/streams/poll-lunch/events/5/reversal", asked).status, 409)


def from_nothing(stack, api):
    step("the data store is deleted, and rebuilt from the events")
    names = [projection["name"] for projection in api.get("/projections")["projections"]]
    before = {name: api.rows(name) for name in names}
    check(f"{sum(map(len, before.values()))} rows in {len(names)} projections are deleted", wiped(stack) > 0)
    check("none is left", {name: api.rows(name) for name in names}, {name: {} for name in names})
    begun = api.post("/playbacks", {"to": [{"projection": name} for name in names]}, 202)
    ended = api.wait(f"/playbacks/{begun['id']}", lambda body: body["state"] in ("completed", "failed"))
    check(f"the playback of {ended['events']} events", ended["state"], "completed")
    check("each row is what it was", {name: api.rows(name) for name in names}, before)
    # The generations that served lie empty beside the new ones, and the adapters'
    # checkpoints are gone.
    for name in names:
        api.post(f"/projections/{name}/drop", {"generation": 1}, 202)
    begun = api.post("/playbacks", {"to": [{"microservice": {}}]}, 202)
    ended = api.wait(f"/playbacks/{begun['id']}", lambda body: body["state"] in ("completed", "failed"))
    check("empty generations are dropped, adapters and rules have read again", ended["state"], "completed")


def wiped(stack):
    """Deletes all items of the data store, and returns their number."""
    table = stack.session.resource("dynamodb", endpoint_url=stack.endpoint).Table(stack.ids["DataTable"])
    count, last = 0, {}
    with table.batch_writer() as batch:
        while True:
            page = table.scan(ProjectionExpression="pk, sk", **last)
            for item in page["Items"]:
                batch.delete_item(Key=item)
            count += len(page["Items"])
            if "LastEvaluatedKey" not in page:
                return count
            last = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def healthy(api):
    step("health")
    behind = lambda body: [lag for lag in body["readers"] if lag["events"]]  # noqa: E731
    health = api.wait("/health", lambda body: body["status"] == "ok" and not behind(body))
    check(f"/health is ok, and none of {len(health['readers'])} readers is behind", health["why"], [])


def invoked(stack, payload):
    """Invokes the playback function as the operator does."""
    key, secret = stack.operator
    client = stack.session.client(
        "lambda", endpoint_url=stack.endpoint, aws_access_key_id=key, aws_secret_access_key=secret
    )
    answer = client.invoke(FunctionName=stack.outputs["PlaybackFunction"], Payload=json.dumps(payload))
    body = json.loads(answer["Payload"].read())
    check(f"lambda invoke {json.dumps(payload)}", answer.get("FunctionError"), None)
    return body
