"""A real server, the real clients, and what is checked of them: what every test here begins with."""

import atexit
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path

BINARY = os.environ["CLIENTS_BINARY"]
ENVIRONMENTS = Path(os.environ["CLIENTS_ENVIRONMENTS"])
SCRATCH = Path(os.environ["CLIENTS_SCRATCH"])
# How long anything may take that should be over in a moment: the machine may have other things to do.
PATIENCE_SECONDS = 120

_children = []


@atexit.register
def _end_children():
    """A test that breaks off leaves nothing running."""
    for child in _children:
        if child.poll() is None:
            child.kill()
            child.wait()


def check(name, holds, *seen):
    """Says whether something held; if it did not, what was seen instead."""
    print("ok  " if holds else "FAIL", name)
    if not holds:
        for what in seen:
            print("    |", str(what).replace("\n", "\n    | "))


def scenario(act):
    """Plays one story. One that breaks off has failed, and the next ones are played all the same."""
    try:
        act()
    except Exception:  # noqa: BLE001
        check(f"{act.__name__} broke off", False, traceback.format_exc())


def folder(name):
    """A fresh folder."""
    return Path(tempfile.mkdtemp(prefix=f"{name}.", dir=SCRATCH))


def free_port():
    """A port of the loopback address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def eventually(holds, seconds=PATIENCE_SECONDS):
    """Whether something becomes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def environment(home, **more):
    """The environment of a person at whose machine nothing is set but this."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "COLUMNS": "200", **more}


class Running:
    """A program in the background, and what it has said until now."""

    def __init__(self, arguments, env, home):
        self.said_path = folder("said") / "output"
        # In a session of its own, so that what it starts ends with it.
        with open(self.said_path, "wb") as said:
            self.process = subprocess.Popen(
                arguments, env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _children.append(self.process)

    def said(self):
        return self.said_path.read_text(errors="replace")

    def says(self, text, seconds=PATIENCE_SECONDS, times=1):
        """Waits until it has said this so often; whether it has."""
        return eventually(
            lambda: self.said().count(text) >= times or self.process.poll() is not None, seconds
        ) and self.said().count(text) >= times

    def ended(self, seconds=PATIENCE_SECONDS):
        """Waits until it has ended by itself, and gives its exit code; none if it has not."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Finished:
    """What a program said and how it ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        # Terminals' colours are taken off: what is compared is words.
        self.text = re.sub(r"\x1b\[[0-9;]*m", "", out + err)

    def __str__(self):
        return f"exit code {self.code}\n{self.text}"


def run(arguments, env, home, given="", seconds=PATIENCE_SECONDS):
    """Runs a program to its end, with this as its standard input."""
    done = subprocess.run(
        arguments, env=env, cwd=home, input=given, capture_output=True, text=True, errors="replace", timeout=seconds
    )
    return Finished(done.returncode, done.stdout, done.stderr)


class Server:
    """A real server with a fresh ledger, on loopback, at a port that it keeps when it is started again."""

    def __init__(self, *more, tenant="acme", admin="ada@example.com"):
        self.data = folder("data") / "ledger"
        self.home = folder("home")
        self.url = f"http://127.0.0.1:{free_port()}"
        self.more = more
        self.running = None
        made = run(
            [BINARY, "init", "--data", str(self.data), "--tenant", tenant, "--admin", admin, "-o", "json"],
            environment(self.home), self.home,
        )
        assert made.code == 0, made
        made = json.loads(made.out)
        self.tenant_id, self.user_id, self.key_id, self.key = (
            made[name] for name in ("tenant_id", "user_id", "key_id", "key")
        )
        self.start()

    def start(self):
        listen = self.url.removeprefix("http://")
        self.running = Running(
            [BINARY, "serve", "--data", str(self.data), "--listen", listen, *self.more], environment(self.home), self.home
        )
        assert self.running.says("listening on "), self.running.said()

    def stop(self):
        self.running.stop()

    def log(self):
        """What the server has logged."""
        return self.running.said()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def request(self, method, path, key=None, body=None, headers=None):
        """A request: the status, the headers, and the body as JSON or else as text."""
        given = {"Accept": "application/json", **(headers or {})}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        if body is not None:
            given.setdefault("Content-Type", "application/json")
            body = json.dumps(body).encode()
        asked = urllib.request.Request(self.url + path, data=body, method=method, headers=given)
        try:
            with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:
                status, head, text = answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as refused:
            status, head, text = refused.code, refused.headers, refused.read().decode()
        try:
            return status, head, json.loads(text)
        except ValueError:
            return status, head, text

    def ask(self, query, variables=None, key=None, headers=None):
        """An operation of GraphQL, and the whole answer. Without a key it is the first administrator's."""
        body = {"query": query, "variables": variables}
        status, _, answer = self.request("POST", "/graphql", key or self.key, body, headers)
        assert status == 200, (status, answer)
        return answer

    def mutate(self, name, selection, key=None, /, **given):
        """A mutation that must be done, and what it answers."""
        text = f"mutation($input: {name}_input!) {{ {name}(input: $input) {{ {selection} }} }}"
        answer = self.ask(text, {"input": given}, key)
        assert "errors" not in answer, answer
        return answer["data"][name]

    def new_key(self, owner_id, name="key", **more):
        """A key of a user (who asks: the first administrator) or of a service account: its id and its secret."""
        made = self.mutate("create_api_key", "id key", user_id=owner_id, name=name, **more)
        return made["id"], made["key"]

    def new_account(self, name, role="runner", **more):
        """A service account of the first tenant."""
        return self.mutate("create_service_account", "id", name=name, role=role, **more)["id"]

    def new_member(self, email, role="member"):
        """A user of the first tenant: its id and its key."""
        made = self.mutate("add_member", "user_id key", email=email, role=role, first_key=True)
        return made["user_id"], made["key"]

    def revoke(self, key_id):
        """Revokes a key."""
        self.mutate("delete_api_key", "success", key_id=key_id)

    def keyledger(self, *arguments, key=None):
        """Our own command line, as a client of this server."""
        env = environment(self.home, KEYLEDGER_URL=self.url, KEYLEDGER_KEY=key or self.key)
        return run([BINARY, *arguments], env, self.home)


class Client:
    """A real client, installed in one of the environments of pins.txt, with a home of its own."""

    def __init__(self, installed, program="prefect", **variables):
        self.program = str(ENVIRONMENTS / installed / "bin" / program)
        self.home = folder("home")
        self.variables = variables

    def run(self, *arguments, given="", seconds=PATIENCE_SECONDS, **more):
        """A command to its end. `more` are variables of the environment."""
        env = environment(self.home, **self.variables, **more)
        return run([self.program, *arguments], env, self.home, given, seconds)

    def start(self, *arguments, **more):
        """A command in the background."""
        return Running([self.program, *arguments], environment(self.home, **self.variables, **more), self.home)
