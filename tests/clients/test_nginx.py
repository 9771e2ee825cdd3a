"""docs/integrations/nginx.conf: what it passes on and what it does not, and a real orchestrator with a real worker behind it."""

import http.server
import json
import threading
import time
import urllib.error
import urllib.request
import uuid

from common import Client, Server, check, eventually, folder, free_port, scenario
from proxy import Proxy

ORCHESTRATOR = "prefect-3.9"
IDENTITY = ("Subject", "Kind", "Tenant", "Role", "Key-Id", "Scopes", "Position")


class Echo(http.server.BaseHTTPRequestHandler):
    """An upstream that answers with the headers which it was sent."""

    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        # What an upstream answers itself is its own business, refusals, too.
        self.send_response(int(self.headers.get("X-Want", "200")))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


def echo():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def get(url, key=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        text = refused.read().decode()
        return refused.code, refused.headers, json.loads(text) if text.startswith("{") else text


@scenario
def who_asks_is_told_to_the_upstream_and_nothing_else_is_believed():
    with Server("--trusted-proxy", "127.0.0.0/8") as server:
        account = server.new_account("worker")
        key_id, key = server.new_key(account, "worker")
        with Proxy(server.url, echo(), f"?tenant={server.tenant_id}") as proxy:
            forged = {f"X_Keyledger_{name}": "forged" for name in (name.replace("-", "_") for name in IDENTITY)}
            status, _, seen = get(f"{proxy.url}/api/flows", key, **forged)
            told = {name: seen.get(f"x-keyledger-{name.lower()}") for name in IDENTITY}
            position = told.pop("Position")
            expected = {
                "Subject": account, "Kind": "service_account", "Tenant": server.tenant_id, "Role": "runner",
                "Key-Id": key_id, "Scopes": None,
            }
            check("the upstream is told who asks, and no forgery", (status, told) == (200, expected), seen)
            check("as of a position of the log", position and position.isdigit(), seen)
            check("the key itself goes no further", "authorization" not in seen and key not in str(seen), seen)
            status, _, seen = get(f"{proxy.url}/", key, X_Prefect_Tenant_Id=str(uuid.uuid4()))
            check("which tenant is meant is the proxy's to say", status == 200, seen)
            status, _, seen = get(f"{proxy.url}/", key, Upgrade="websocket", Connection="Upgrade")
            upgraded = seen.get("upgrade") == "websocket" and seen.get("connection") == "upgrade"
            check("a websocket is asked about, and passed on", (status, upgraded) == (200, True), seen)
            for other in ("h2c", "h2c, websocket", "TLS/1.0"):
                status, _, seen = get(f"{proxy.url}/", key, Upgrade=other, Connection="Upgrade, HTTP2-Settings", HTTP2_Settings="AAMAAABk")
                passed = "upgrade" in seen or "upgrade" in seen.get("connection", "").lower()
                check(f"an upgrade to {other} is not passed on", (status, passed) == (200, False), seen)
            status, _, seen = get(f"{proxy.url}/", key, X_Want="401")
            check("refusals of the upstream's own come through", (status, "x-want" in seen) == (401, True), seen)

            status, _, _ = get(f"{proxy.url}/_keyledger", key)
            check("nobody asks in the proxy's place", status == 404, status)

            server.revoke(key_id)
            status, head, body = get(f"{proxy.url}/api/flows", key)
            refused = status == 401 and body["error"]["code"] == "KEY_REVOKED"
            challenge = head.get_all("WWW-Authenticate") or []
            check("a revoked key is refused at the very next request, with the code", refused, status, body)
            check("and challenged once", len(challenge) == 1 and "KEY_REVOKED" in challenge[0], challenge)
            status, _, body = get(f"{proxy.url}/", None, **forged)
            check("whoever shows nothing is nobody", (status, body["error"]["code"]) == (401, "CREDENTIAL_MISSING"), body)


@scenario
def other_refusals_are_what_clients_understand():
    with Server() as server:
        made = server.mutate("create_tenant", "id key", slug="globex", administrator_email="eve@example.com")
        narrow = server.new_key(server.user_id, "narrow", scopes=["flows:read"])[1]
        slow = server.new_key(server.user_id, "slow", rate_limit={"requests": 1, "period_seconds": 3600})[1]
        upstream = echo()
        with Proxy(server.url, upstream, f"?tenant={server.tenant_id}") as proxy:
            status, _, body = get(proxy.url, made["key"])
            check("a key of another tenant", (status, body["error"]["code"]) == (401, "NOT_A_MEMBER"), body)
            get(proxy.url, slow)
            status, head, body = get(proxy.url, slow)
            limited = (status, body["error"]["code"]) == (429, "RATE_LIMITED") and int(head["Retry-After"]) > 0
            check("a key beyond its rate is told to come back", limited, status, head, body)
        with Proxy(server.url, upstream, "?scope=flows:run") as proxy:
            status, _, body = get(proxy.url, narrow)
            check("a key that is too narrow", (status, body["error"]["code"]) == (403, "SCOPES_NOT_HELD"), body)
            status, _, _ = get(proxy.url, server.key)
            check("one that is not narrowed", status == 200, status)
            server.stop()
            status, _, body = get(proxy.url, server.key)
            check("nothing is passed on while nobody can be asked", (status, body["error"]["code"]) == (503, "UNDECIDED"), body)
            server.start()
            check("and then it is again", eventually(lambda: get(proxy.url, server.key)[0] == 200, 30))


FLOWS = '''
from pathlib import Path

from prefect import flow, task


@task
def add(one, other):
    return one + other


@flow(log_prints=True)
def sums():
    print(f"the sum is {add(19, 23)}")


if __name__ == "__main__":
    here = Path(__file__).parent
    sums.from_source(source=str(here), entrypoint="flows.py:sums").deploy(
        name="behind", work_pool_name="pool", print_next_steps=False
    )
'''


class Orchestrator:
    """A real server of the product, at a port that only nginx should know. It has no keys of its own."""

    def __init__(self):
        self.port = free_port()
        self.client = Client(
            ORCHESTRATOR, PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1", PREFECT_UI_ENABLED="false",
            PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="false",
        )
        self.running = self.client.start("server", "start", "--host", "127.0.0.1", "--port", str(self.port))

    def __enter__(self):
        def answers():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=5).status == 200
            except OSError:
                return False

        assert eventually(answers, 240), self.running.said()
        return self

    def __exit__(self, *_):
        self.running.stop()


class Member:
    """Somebody who holds a key and works through the proxy."""

    def __init__(self, proxy, key):
        # The first is what clients send with a request, the second what they open a websocket with.
        headers = json.dumps({"Authorization": f"Bearer {key}"})
        self.key, self.url = key, f"{proxy.url}/api"
        self.prefect = Client(
            ORCHESTRATOR, PREFECT_API_URL=self.url, PREFECT_API_KEY=key, PREFECT_CLIENT_CUSTOM_HEADERS=headers,
            PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="false", DO_NOT_TRACK="1", PREFECT_WORKER_QUERY_SECONDS="2",
            PREFECT_WORKER_HEARTBEAT_SECONDS="3",
        )

    def python(self):
        return Client(ORCHESTRATOR, "python", **self.prefect.variables)

    def worker(self, name):
        return self.prefect.start("worker", "start", "--pool", "pool", "--type", "process", "--name", name)

    def new_run(self):
        """Has the flow run, and gives the run's id."""
        ran = self.prefect.run("api", "POST", f"/deployments/{self.deployment}/create_flow_run", "--data", "{}")
        assert ran.code == 0, ran
        return json.loads(ran.out)["id"]

    def events_of_tasks(self):
        """The events of tasks that the orchestrator has, as text."""
        body = {"filter": {"event": {"prefix": ["prefect.task-run."]}}, "limit": 50}
        asked = self.prefect.run("api", "POST", "/events/filter", "--data", json.dumps(body))
        assert asked.code == 0, asked
        return asked.out

    def state(self, run_id):
        return get(f"{self.url}/flow_runs/{run_id}", self.key)[2].get("state_type")


@scenario
def a_worker_works_is_cut_off_and_works_again():
    with Server("--trusted-proxy", "127.0.0.0/8") as server, Orchestrator() as orchestrator:
        account = server.new_account("worker")
        key_id, key = server.new_key(account, "first")
        with Proxy(server.url, orchestrator.port, f"?tenant={server.tenant_id}") as proxy:
            person = Member(proxy, server.new_member("bob@example.com")[1])
            nobody = Client(ORCHESTRATOR, PREFECT_API_URL=person.url, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="false")
            refused = nobody.run("work-pool", "ls")
            check("without a key nobody gets in", refused.code != 0 and "401" in refused.text, refused)
            made = person.prefect.run("work-pool", "create", "pool", "--type", "process")
            check("a person makes a work pool", made.code == 0, made)
            flows = folder("flows")
            (flows / "flows.py").write_text(FLOWS)
            python = person.python()
            deployed = python.run(str(flows / "flows.py"))
            check("and a deployment", deployed.code == 0, deployed)
            found = person.prefect.run("api", "GET", "/deployments/name/sums/behind")
            person.deployment = json.loads(found.out)["id"]

            with Member(proxy, key).worker("first") as worker:
                run_id = person.new_run()
                done = eventually(lambda: person.state(run_id) == "COMPLETED", 180)
                check("a worker with a service account's key runs a flow", done, person.state(run_id), worker.said())
                check("and prints what it should", worker.says("the sum is 42", 30), worker.said())
                check("its websockets are let in", "Unable to connect to" not in worker.said(), worker.said())
                known = eventually(lambda: "prefect.task-run.Completed" in person.events_of_tasks(), 60)
                check("so what its tasks did is known", known, person.events_of_tasks()[:2000])

                server.revoke(key_id)
                before = worker.said().count("401")
                cut = eventually(lambda: worker.said().count("401") > before or worker.process.poll() is not None, 90)
                check("it is cut off when its key is revoked", cut, worker.said()[-3000:])
                late = person.new_run()
                time.sleep(15)
                state = person.state(late)
                check("and runs nothing more", state == "SCHEDULED", state, worker.said()[-3000:])
                check("the refusal is the one that says so", get(f"{person.url}/health", key)[2]["error"]["code"] == "KEY_REVOKED")

            _, another = server.new_key(account, "second")
            with Member(proxy, another).worker("second") as worker:
                done = eventually(lambda: person.state(late) == "COMPLETED", 180)
                check("with a new key it works again", done, person.state(late), worker.said())

            bare = Member(proxy, another)
            del bare.prefect.variables["PREFECT_CLIENT_CUSTOM_HEADERS"]
            with bare.worker("third") as worker:
                run_id = person.new_run()
                done = eventually(lambda: person.state(run_id) == "COMPLETED", 180)
                check("without the header of websockets flows run all the same", done, person.state(run_id), worker.said())
                warned = worker.says("Unable to connect to", 60)
                check("and the worker says what is lost", warned, worker.said())
