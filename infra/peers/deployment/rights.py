"""Who may do what: callers of the API, and the functions' roles."""

from botocore.exceptions import ClientError

from client import Api
from say import check, note, step


def closed(stack, address, url, api):
    step("who may call")
    routes = stack.routes()
    check(f"{len(routes)} routes are there", len(routes) > 0)
    open_routes = [route["RouteKey"] for route in routes if route["AuthorizationType"] == "NONE"]
    if stack.is_closed:
        check("no route is open", open_routes, [])
    elif open_routes:
        note(f"open to everyone: {', '.join(sorted(open_routes))}")
    unsigned = Api(address, url, stack.region)
    nobody = Api(address, url, stack.region, stack.user("nobody", []))
    forged = Api(address, url, stack.region, (stack.operator[0], "x" * 40))
    refused = [route for route in routes if route["AuthorizationType"] != "NONE"]
    for route in refused:
        method, path = route["RouteKey"].split(" ")
        path = path.replace("{", "").replace("}", "").replace("+", "")
        check(f"{route['RouteKey']} without a signature", unsigned.call(method, path).status, 403)
    for who, caller in (("a user without a policy", nobody), ("a wrong secret key", forged)):
        check(f"POST /playbacks of {who}", caller.call("POST", "/playbacks", {"to": []}).status, 403)
    check("GET /projections of the operator", api.call("GET", "/projections").status, 200)


def append_only(stack):
    step("no function changes an event")
    dynamodb = stack.client("dynamodb")
    table = stack.ids["EventsTable"]
    item = dynamodb.scan(TableName=table, Limit=1)["Items"][0]
    key = {"stream": item["stream"], "version": item["version"]}
    attempts = {
        "PutItem": lambda client: client.put_item(TableName=table, Item=item),
        "DeleteItem": lambda client: client.delete_item(TableName=table, Key=key),
        "UpdateItem": lambda client: client.update_item(
            TableName=table, Key=key, UpdateExpression="SET #l = :l",
            ExpressionAttributeNames={"#l": "length"}, ExpressionAttributeValues={":l": {"N": "7"}},
        ),
        "BatchWriteItem": lambda client: client.batch_write_item(
            RequestItems={table: [{"DeleteRequest": {"Key": key}}]}
        ),
    }  # fmt: skip
    for logical_id, binary in stack.binaries.items():
        client = stack.as_role_of(logical_id, "dynamodb")
        refused = [name for name, attempt in attempts.items() if is_denied(attempt, client)]
        check(f"{binary}'s role is denied {', '.join(refused)}", refused, [*attempts])
    again = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    check("the commit is what it was", again, item)


def is_denied(attempt, client):
    try:
        attempt(client)
    except ClientError as error:
        return error.response["Error"]["Code"] == "AccessDeniedException"
    return False
