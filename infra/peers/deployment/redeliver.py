"""Stands between the engine and a function that a stream triggers.

AWS gives a function the records again that its answer names in
`batchItemFailures`, with those behind them. MiniStack acknowledges the whole
batch. It repeats a batch whose invocation fails, so this makes a failure of such
an answer. The function then gets the batch again from its beginning, which on
AWS may happen as well.

It is the `bootstrap` of the zip, and starts the real one, `function`, under a
Runtime API that passes everything on.
"""

import http.client
import http.server
import json
import os
import subprocess
import sys
import threading

RUNTIME_API = os.environ["AWS_LAMBDA_RUNTIME_API"]


class Between(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.pass_on("GET", self.path, b"")

    def do_POST(self):
        body, path = self.body(), self.path
        if path.endswith("/response") and names_failures(body):
            path = path.removesuffix("response") + "error"
            body = json.dumps({"errorType": "Redeliver", "errorMessage": body.decode()}).encode()
        self.pass_on("POST", path, body)

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def pass_on(self, method, path, body):
        # The next event may be long in coming: no timeout.
        runtime = http.client.HTTPConnection(RUNTIME_API)
        runtime.request(method, path, body, {"Content-Type": "application/json"})
        answer = runtime.getresponse()
        text = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower().startswith("lambda-") or name.lower() == "content-type":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        runtime.close()

    def log_message(self, *_):
        """The function's log is the function's own."""


def names_failures(body):
    try:
        return bool(json.loads(body).get("batchItemFailures"))
    except (ValueError, AttributeError):
        return False


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = os.environ | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"}
    function = os.path.join(os.environ["LAMBDA_TASK_ROOT"], "function")
    return subprocess.run([function], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())
