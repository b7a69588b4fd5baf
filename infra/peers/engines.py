"""The engines: how each is installed, started, found healthy and stopped.

Everything goes under `target/peers` of the repository. Only Python's standard
library is used: this file installs the rest.
"""

import ctypes
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Beside the checkout's own target folder, whatever CARGO_TARGET_DIR says.
STATE = ROOT / "target" / "peers"
VENV = STATE / "venv"

# How long an engine may take to answer its first request.
PATIENCE = 60

KINESIS_LOCAL = "kinesis-local@0.6.2"


class EngineError(Exception):
    """An engine that cannot be installed or started, in one sentence."""


class Engine:
    """An engine of another maker."""

    name = None

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = STATE / f"{self.name}-{self.port}.log"
        self.process = None

    def install(self):
        """Installs the engine, unless the pinned version is there."""
        raise NotImplementedError

    def command(self):
        """The program and its arguments."""
        raise NotImplementedError

    def settings(self):
        """The environment variables that the engine reads."""
        raise NotImplementedError

    def is_healthy(self):
        """Whether the engine answers."""
        raise NotImplementedError

    def variables(self):
        """The environment variables by which Rewind's tests find the engine."""
        raise NotImplementedError

    def start(self):
        """Starts the engine, and returns when it answers."""
        STATE.mkdir(parents=True, exist_ok=True)
        # The engine sees nothing of this shell's AWS account.
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command(),
                env=kept | self.settings(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=STATE,
                # A group of its own: the engine's children, such as functions,
                # end with it.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        until = time.monotonic() + PATIENCE
        while not self.is_healthy():
            if self.process.poll() is not None:
                raise EngineError(f"{self.name} ended with {self.process.returncode}: see {self.log}")
            if time.monotonic() > until:
                raise EngineError(f"{self.name} does not answer within {PATIENCE} s: see {self.log}")
            time.sleep(0.05)

    def stop(self):
        """Stops the engine and everything that it has started."""
        if self.process is None:
            return
        for how, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, how)
                self.process.wait(patience)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self.process.wait()


class MiniStack(Engine):
    """MiniStack: all services that Rewind uses, CloudFormation and IAM among them."""

    name = "ministack"

    def __init__(self, auth=False):
        super().__init__()
        self.auth = auth

    def install(self):
        install_python()

    def command(self):
        return [str(VENV / "bin" / "ministack")]

    def settings(self):
        return {
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            # Where the SDKs in the functions send their requests.
            "AWS_ENDPOINT_URL": self.url,
            "AUTH": str(self.auth).lower(),
            # Five seconds lie between two attempts at an asynchronous call.
            "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "1",
            "LOG_LEVEL": "INFO",
        }

    def is_healthy(self):
        return answers(f"{self.url}/_ministack/ready")

    def variables(self):
        return {"REWIND_ENDPOINT": self.url}


class KinesisLocal(Engine):
    """kinesis-local (etspaceman/kinesis-mock): Kinesis alone, in Scala.js on Node."""

    name = "kinesis-local"

    def __init__(self, auth=False):
        super().__init__()
        if auth:
            raise EngineError(f"{self.name} knows no IAM")
        self.tls_port = free_port()
        self.folder = STATE / "kinesis-local"

    def install(self):
        mark = self.folder / "installed"
        if not (mark.is_file() and mark.read_text() == KINESIS_LOCAL):
            if shutil.which("npm") is None:
                raise EngineError(f"{self.name} needs node and npm")
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(self.folder)]
            run_quietly([*install, KINESIS_LOCAL])
            mark.write_text(KINESIS_LOCAL)

    def command(self):
        return ["node", str(self.folder / "node_modules" / "kinesis-local" / "main.js")]

    def settings(self):
        durations = ["CREATE_STREAM", "DELETE_STREAM"]
        return {
            "KINESIS_MOCK_PLAIN_PORT": str(self.port),
            "KINESIS_MOCK_TLS_PORT": str(self.tls_port),
            "KINESIS_MOCK_CERT_PATH": str(self.folder / "node_modules" / "kinesis-local" / "server.json"),
            "LOG_LEVEL": "WARN",
            # A test makes streams of its own, three with four shards each.
            "SHARD_LIMIT": "100000",
            "ON_DEMAND_STREAM_COUNT_LIMIT": "10000",
        } | {f"{change}_DURATION": "5ms" for change in durations}

    def is_healthy(self):
        return answers(f"{self.url}/healthcheck")

    def variables(self):
        return {"REWIND_KINESIS_ENDPOINT": self.url}


ENGINES = {engine.name: engine for engine in (MiniStack, KinesisLocal)}


def install_python():
    """Makes the virtual environment of `requirements.txt`, unless it is there."""
    pinned = HERE / "requirements.txt"
    mark = VENV / "installed"
    wanted = hashlib.sha256(pinned.read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == wanted:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    run_quietly([sys.executable, "-m", "venv", str(VENV)])
    pip = [str(VENV / "bin" / "pip"), "--quiet", "--disable-pip-version-check"]
    run_quietly([*pip, "install", "--no-deps", "--no-compile", "--requirement", str(pinned)])
    mark.write_text(wanted)


def run_quietly(command):
    """Runs an installer. Its output is shown where it fails."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ended.returncode != 0:
        raise EngineError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url):
    # No proxy of this shell stands between loopback and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def die_with_parent():
    """Ends the engine even where this program is killed: PR_SET_PDEATHSIG."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
