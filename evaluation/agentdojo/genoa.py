"""The connection to a Genoa daemon: JSON-RPC 2.0, one message a line, over the socket in its home."""

import json
import os
import select
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SOCKET = Path("run") / "daemon.sock"
START_SECONDS = 30
STOP_SECONDS = 10
READ_BYTES = 1 << 16


class Refused(Exception):
    """A syscall was answered with a failure."""

    def __init__(self, failure: dict) -> None:
        super().__init__(failure.get("what", ""), failure.get("why", ""))
        self.failure = failure


class Connection:
    """One surface, or one agent, of a daemon."""

    def __init__(self, home: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(home / SOCKET))
        self.rest = b""
        self.last = 0
        self.news: deque[dict] = deque()
        self.answers: dict[int, dict] = {}

    def fileno(self) -> int:
        return self.socket.fileno()

    def start(self, method: str, params: dict) -> int:
        """Makes a syscall without waiting for its answer."""
        self.last += 1
        message = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        return self.last

    def call(self, method: str, params: dict) -> object:
        """Makes a syscall and waits for its answer. What is told meanwhile waits in `news`."""
        request = self.start(method, params)
        while request not in self.answers:
            self.take_in()
        return self.answer(request)

    def answer(self, request: int) -> object:
        """The answer to a syscall that has one."""
        message = self.answers.pop(request)
        if "error" in message:
            raise Refused(message["error"]["data"])
        return message["result"]

    def take_in(self) -> None:
        """Waits for at least one message and puts it where it belongs."""
        before = len(self.news) + len(self.answers)
        while len(self.news) + len(self.answers) == before:
            received = self.socket.recv(READ_BYTES)
            if not received:
                raise ConnectionError("the daemon closed the connection")
            *lines, self.rest = (self.rest + received).split(b"\n")
            for message in map(json.loads, lines):
                if message.get("method") == "news":
                    self.news.append(message["params"])
                elif message.get("id") is not None:
                    self.answers[message["id"]] = message
                elif "error" in message:
                    raise Refused(message["error"]["data"])

    def close(self) -> None:
        self.socket.close()


def wait_for(request: int, of: Connection, person: Connection, deal_with: Callable[[dict], None]) -> object:
    """The answer to a syscall of one connection, while the person's own connection deals with what it is told."""
    while True:
        while person.news:
            deal_with(person.news.popleft())
        if request in of.answers:
            return of.answer(request)
        ready, _, _ = select.select({of, person}, [], [])
        for connection in ready:
            connection.take_in()


@contextmanager
def gateway(binary: Path, home: Path) -> Iterator[tuple[str, str]]:
    """The OpenAI protocol before a daemon's model: its address and token."""
    environment = os.environ | {"GENOA_HOME": str(home)}
    token = subprocess.check_output([binary, "gateway", "--token"], env=environment, cwd=home, text=True).strip()
    command = [binary, "gateway", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("the gateway does not start; what it said stands above")
            yield url, token
        finally:
            stop(process)


@contextmanager
def daemon(binary: Path, home: Path) -> Iterator[None]:
    """A daemon with a home of its own, which ends with the block."""
    home.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"GENOA_HOME": str(home)}
    with (home / "daemon.log").open("wb") as log:
        process = subprocess.Popen([binary, "daemon"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until = time.monotonic() + START_SECONDS
        while not answers(home):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the daemon does not answer; see {home / 'daemon.log'}")
            time.sleep(0.02)
        yield
    finally:
        stop(process)


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(home: Path) -> bool:
    try:
        Connection(home).close()
    except OSError:
        return False
    return True
