"""A witness that is not ours, aics-witness, on loopback: it signs our checkpoints, and neither our rollback nor our fork."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from aics_tlog import parse_vkey, verify_checkpoint
from aics_tlog.checkpoint import checkpoint_from_note

BINARY = sys.argv[1]
ORIGIN = "keys.example.com/tlog"
WITNESS = [sys.executable, "-m", "aics_witness"]
running = []


def check(name, holds):
    print("ok  " if holds else "FAIL", name, flush=True)


def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def start(data, witness):
    """A server on this folder, and its URL. What it logs is beside the folder."""
    log = open(data.with_suffix(".log"), "a")
    arguments = ["serve", "--data", data, "--listen", "127.0.0.1:0", "--log", "json", "--tlog", "open"]
    arguments += ["--origin", ORIGIN, "--witness", witness]
    server = subprocess.Popen([BINARY, *arguments], stdout=subprocess.PIPE, stderr=log, text=True)
    running.append(server)
    for line in server.stdout:
        if line.startswith("listening on "):
            return server, line.removeprefix("listening on ").strip()
    raise SystemExit(f"FAIL the server does not start: {data.with_suffix('.log').read_text()}")


def stop(server):
    server.terminate()
    server.wait()


def get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def grow(url, made, count):
    query = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id } }"
    for number in range(count):
        given = {"user_id": made["user_id"], "name": f"key {number}", "expires_at": None}
        body = json.dumps({"query": query, "variables": {"input": given}}).encode()
        headers = {"Authorization": f"Bearer {made['key']}", "Content-Type": "application/json"}
        answer = json.load(urllib.request.urlopen(urllib.request.Request(url + "/graphql", body, headers)))
        if "errors" in answer:
            raise SystemExit(f"FAIL {answer}")


def cosigned(url, size):
    """The checkpoint, once it covers so many events and the witness signed it, too; none, if that takes too long."""
    key, witness = parse_vkey(get(url + "/tlog/verifier-key").decode().strip()), parse_vkey(WITNESS_KEY)
    for _ in range(300):
        checkpoint, note = checkpoint_from_note(get(url + "/tlog/checkpoint"))
        if checkpoint.size >= size and verify_checkpoint(note, key, [witness], 1).ok:
            return checkpoint
        time.sleep(0.1)
    return None


def logged(data, code):
    for _ in range(300):
        if code in data.with_suffix(".log").read_text():
            return True
        time.sleep(0.1)
    return False


scratch = Path(tempfile.mkdtemp(prefix="witness."))
try:
    data, fork = scratch / "data", scratch / "fork"
    made = json.loads(run(BINARY, "init", "--data", data, "--tenant", "acme", "--admin", "ada@example.com", "-o", "json"))
    config, listen = scratch / "witness.json", f"127.0.0.1:{port()}"
    WITNESS_KEY = run(*WITNESS, "init", "--config", config, "--name", "wit.example/w", "--listen", listen).strip().splitlines()[-1]
    WITNESS_KEY = next(word for word in WITNESS_KEY.split() if word.startswith("wit.example/w+"))
    witness = f"{WITNESS_KEY} http://{listen}"

    # A witness that does not know the log says 404, and the server says so.
    def serve_witness():
        process = subprocess.Popen([*WITNESS, "serve", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(process)
        for _ in range(300):
            try:
                get(f"http://{listen}/healthz")
                return process
            except OSError:
                time.sleep(0.1)
        raise SystemExit("FAIL the witness does not start")

    stranger = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    run(*WITNESS, "add-log", "--config", config, "--origin", "PeterNeumann", "--vkey", stranger)
    process = serve_witness()
    server, url = start(data, witness)
    verifier_key = get(url + "/tlog/verifier-key").decode().strip()
    check("a witness that does not know the log is told of (404)", logged(data, "WITNESS_STRANGER"))
    stop(server)
    stop(process)

    run(*WITNESS, "add-log", "--config", config, "--origin", ORIGIN, "--vkey", verifier_key)
    process = serve_witness()
    server, url = start(data, witness)
    first = cosigned(url, 1)
    check("the witness signs the first checkpoint", first is not None)
    grow(url, made, 5)
    second = cosigned(url, first.size + 5)
    check("the witness signs the next one, which follows from it", second is not None)
    stop(server)
    for name in ("ledger.redb", "guard", "guard.checkpoint"):
        (fork / name).parent.mkdir(exist_ok=True)
        shutil.copy(data / name, fork / name)
    shutil.copytree(data / "secrets", fork / "secrets")

    server, url = start(data, witness)
    grow(url, made, 4)
    third = cosigned(url, second.size + 4)
    check("after a restart the witness goes on (409, then 200)", third is not None)
    stop(server)

    # The same log, set back as a whole, so that nothing on the machine tells: the witness does.
    server, url = start(fork, witness)
    check("the witness refuses our rollback", logged(fork, "WITNESS_CONTRADICTS"))
    fork.with_suffix(".log").write_text("")
    grow(url, made, 9)
    check("the witness refuses our fork", logged(fork, "WITNESS_CONTRADICTS"))
    key, cosigner = parse_vkey(verifier_key), parse_vkey(WITNESS_KEY)
    checkpoint, note = checkpoint_from_note(get(url + "/tlog/checkpoint"))
    signed = verify_checkpoint(note, key, [cosigner], 1)
    check("the fork has our signature alone", checkpoint.size > third.size and signed.log_ok and not signed.ok)
    status = json.loads(run(*WITNESS, "status", "--config", config, "--json"))
    check("the witness still knows the honest log", str(third.size) in json.dumps(status))
finally:
    for process in running:
        if process.poll() is None:
            stop(process)
    shutil.rmtree(scratch)
