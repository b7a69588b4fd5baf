"""A client that knows AWS and not Rewind: botocore signs, http.client sends."""

import http.client
import json
import time

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

import shortfalls
from say import Failure

# How long anything may take before the check fails.
PATIENCE = 90


class Answer:
    def __init__(self, status, body):
        self.status = status
        try:
            self.body = json.loads(body) if body else None
        except ValueError:
            self.body = body.decode(errors="replace")

    def __repr__(self):
        return f"{self.status} {self.body}"


class Api:
    """The deployed API, called as one user, or without a signature."""

    def __init__(self, address, url, region, keys=None):
        self.address = address
        self.url = url
        self.region = region
        self.keys = keys
        self.host = shortfalls.host(url, address[1])

    def call(self, method, path, body=None, media="application/json"):
        """Sends one request, signed where there are keys."""
        path = shortfalls.path(path)
        data = b"" if body is None else json.dumps(body).encode()
        headers = {"Host": self.host}
        if body is not None:
            headers["Content-Type"] = media
        if self.keys:
            request = AWSRequest(method, f"http://{self.host}{path}", data=data, headers=headers)
            SigV4Auth(Credentials(*self.keys), "execute-api", self.region).add_auth(request)
            headers = dict(request.headers.items())
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        finally:
            connection.close()

    def get(self, path):
        answer = self.call("GET", path)
        if answer.status != 200:
            raise Failure(f"GET {path} answers {answer}")
        return answer.body

    def post(self, path, body, status, media="application/json"):
        answer = self.call("POST", path, body, media)
        if answer.status != status:
            raise Failure(f"POST {path}: expected {status}, found {answer}")
        return answer.body

    def wait(self, path, is_wanted):
        """GETs a path until its answer is as wanted."""
        until = time.monotonic() + PATIENCE
        while True:
            answer = self.call("GET", path)
            if answer.status == 200 and is_wanted(answer.body):
                return answer.body
            if time.monotonic() > until:
                raise Failure(f"GET {path} still answers {answer} after {PATIENCE} s")
            time.sleep(0.1)

    def rows(self, projection):
        """All rows of a projection, by key, page by page."""
        rows, cursor = {}, ""
        while True:
            page = self.get(f"/projections/{projection}?limit=500{cursor}")
            rows |= {row["key"]: row for row in page["rows"]}
            if "next" not in page:
                return rows
            cursor = f"&cursor={page['next']}"
