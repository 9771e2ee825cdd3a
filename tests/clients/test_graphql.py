"""The clients that speak GraphQL, 0.14, 0.15 and 1.4: their command lines, their agents, what they say on refusal."""

import re
import uuid

from common import ENVIRONMENTS, Client, Server, check, environment, run, scenario

INSTALLED = {"0.14.22": "prefect-0.14", "0.15.13": "prefect-0.15", "1.4.1": "prefect-1.4"}
# The name of the host would be a label, and the same for every agent here.
AGENT = ("agent", "local", "start", "--no-hostname-label")
UNAUTHENTICATED = "UNAUTHENTICATED"

# What a program does that talks to the server for longer than its token lives.
RENEW = """
import pendulum
from prefect import Client
client = Client()
old, client._access_token_expires_at = client._access_token, pendulum.now()
assert client.graphql("query { auth_info { tenant_id } }").data.auth_info.tenant_id
assert client._access_token and client._access_token != old
assert client._access_token_expires_at > pendulum.now().add(minutes=1)
again, client._access_token_expires_at = client._access_token, pendulum.now()
assert client.graphql("query { auth_info { user_id } }").data.auth_info.user_id
assert client._access_token != again
print("another token, and it works")
"""


@scenario
def they_are_what_they_should_be():
    for version, installed in INSTALLED.items():
        said = Client(installed).run("version")
        check(f"prefect {version} starts", said.out.strip() == version, said)


class World:
    """A server with two tenants, in both of which ada is administrator, and a client of some version."""

    def __init__(self, version):
        self.version = version
        self.server = Server()
        made = self.server.mutate(
            "create_tenant", "id", slug="globex", administrator_email="ada@example.com", name="Globex Corporation"
        )
        self.globex_id = made["id"]
        self.client = self.another()

    def another(self, **variables):
        """The same client on another machine."""
        return Client(INSTALLED[self.version], PREFECT__CLOUD__API=self.server.url, **variables)

    def own_key(self):
        """A new key of ada's: its id and its secret."""
        return self.server.new_key(self.server.user_id, "for a client")

    def agent_key(self, role="runner"):
        """A new service account's key."""
        return self.server.new_key(self.server.new_account(f"agent {uuid.uuid4()}", role), "for an agent")

    def accepted(self, key):
        """Whether the server accepts a key."""
        return self.server.request("GET", "/v1/whoami", key)[0] == 200

    def whoami(self, key):
        return self.server.request("GET", "/v1/whoami", key)[2]

    def agents(self, key_id):
        """The agents that are told with the use of a key."""
        answer = self.server.ask("{ keys { edges { node { id usage { agents { name type last_poll_at polls } } } } } }")
        nodes = [edge["node"] for edge in answer["data"]["keys"]["edges"]]
        (usage,) = [node["usage"] for node in nodes if node["id"] == key_id]
        return usage["agents"] if usage else []

    def check(self, name, holds, *seen):
        check(f"{self.version}: {name}", holds, *seen)

    def says(self, name, said, sentence, code=0):
        """Checks what a command printed, and how it ended."""
        self.check(name, sentence in said.text and said.code == code, f"not {sentence!r} with exit code {code}:", said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()


def row(said, *cells):
    """Whether a table has a line with these cells in this order."""
    return any(re.search(r"\s+".join(map(re.escape, cells)), line) for line in said.out.splitlines())


def tenants_are_listed_and_switched(world):
    """`list-tenants`, `switch-tenants` and `logout`, of whoever is logged in to acme."""
    client, server = world.client, world.server
    said = client.run("auth", "list-tenants")
    world.check("auth list-tenants", row(said, "acme", "acme", server.tenant_id), said)
    world.check("auth list-tenants: the other one", row(said, "Globex Corporation", "globex", world.globex_id), said)
    (active,) = [line for line in said.out.splitlines() if "*" in line] or [""]
    world.check("auth list-tenants: the active one", server.tenant_id in active, said)
    said = client.run("auth", "switch-tenants", "--slug", "globex")
    world.says("auth switch-tenants --slug", said, "Tenant switched")
    said = client.run("auth", "list-tenants")
    (active,) = [line for line in said.out.splitlines() if "*" in line] or [""]
    world.check("auth switch-tenants: it is the active one", world.globex_id in active, said)
    said = client.run("auth", "switch-tenants", "--id", server.tenant_id)
    world.says("auth switch-tenants --id", said, "Tenant switched")
    said = client.run("auth", "switch-tenants", "--slug", "elsewhere")
    world.check("auth switch-tenants: to none that there is", "Tenant switched" not in said.text, said)
    said = client.run("auth", "switch-tenants", "--id", str(uuid.uuid4()))
    world.check("auth switch-tenants: to none of one's own", "Tenant switched" not in said.text, said)


def tokens_are_made_listed_and_revoked(world):
    """`create-token`, `list-tokens` and `revoke-token`."""
    client, server = world.client, world.server
    for scope, kind, role in [
        ("RUNNER", "service_account", "runner"),
        ("TENANT", "service_account", "administrator"),
        ("USER", "user", "administrator"),
    ]:
        said = client.run("auth", "create-token", "-n", f"my {scope}", "-s", scope)
        who = world.whoami(said.out.strip())
        as_asked = (who.get("kind"), who.get("role")) == (kind, role) and said.code == 0
        world.check(f"auth create-token -s {scope}", as_asked, said, who)
        said = client.run("auth", "list-tokens")
        world.check(f"auth list-tokens: the {scope} one", row(said, f"my {scope}", who["key_id"]), said)
        said = client.run("auth", "revoke-token", "-i", who["key_id"])
        world.says(f"auth revoke-token: the {scope} one", said, "Token successfully revoked")
        said = client.run("auth", "list-tokens")
        world.check(f"auth revoke-token: the {scope} one is gone", not row(said, f"my {scope}"), said)
    key_id, key = world.agent_key()
    said = client.run("auth", "revoke-token", "-i", key_id)
    world.says("auth revoke-token of a key", said, "Token successfully revoked")
    world.check("auth revoke-token of a key: it is refused", not world.accepted(key))
    said = client.run("auth", "create-token", "-n", "n", "-s", "ROOT")
    world.check("auth create-token of no scope that there is", "give RUNNER, TENANT or USER" in said.text, said)


def keys_are_made_listed_and_revoked(world):
    """`create-key`, `list-keys` and `revoke-key`."""
    client, server = world.client, world.server
    said = client.run("auth", "create-key", "-n", "laptop")
    found = re.search(r"Successfully created key: (\S+)", said.text)
    world.check("auth create-key", found and world.accepted(found[1]), said)
    quiet = client.run("auth", "create-key", "-n", "until then", "-e", "2031-01-01", "-q")
    world.check("auth create-key -e -q", world.accepted(quiet.out.strip()), quiet)
    said = client.run("auth", "list-keys")
    laptop, until = world.whoami(found[1])["key_id"], world.whoami(quiet.out.strip())["key_id"]
    world.check("auth list-keys", row(said, "laptop", laptop, "NEVER"), said)
    world.check("auth list-keys: with its end", row(said, "until then", until, "2031-01-01T00:00:00"), said)
    world.says("auth revoke-key", client.run("auth", "revoke-key", "-i", laptop), "Key successfully revoked!")
    world.check("auth revoke-key: it is refused", not world.accepted(found[1]))
    said = client.run("auth", "revoke-key", "-i", "not-a-uuid")
    world.check("auth revoke-key of no id", "not an id" in said.text and said.code == 1, said)


def an_agent_works_until_its_key_is_revoked(world, flag="-k"):
    """An agent starts, polls, is told with its key, and is refused within one poll."""
    key_id, key = world.agent_key()
    said = world.another().run(*AGENT, flag, key, "--max-polls", "1", "--name", "one-poll")
    text = said.text
    started = "Registration successful!" in text and "Waiting for flow runs..." in text
    world.check(f"agent local start {flag} --max-polls 1", started and said.code == 0, said)
    agents = world.agents(key_id)
    told = [(it["name"], it["type"], it["polls"]) for it in agents if it["last_poll_at"]]
    world.check(f"agent {flag}: told with the use of its key", told == [("one-poll", "LocalAgent", 1)], agents)
    shown = world.server.keyledger("key", "show", key_id)
    world.check(f"agent {flag}: keyledger key show names it", "one-poll (LocalAgent), last poll 2" in shown.out, shown)

    with world.another().start(*AGENT, flag, key) as agent:
        world.check(f"agent {flag}: starts", agent.says("Waiting for flow runs..."), agent.said())
        world.check(f"agent {flag}: no query fails before", "Failed to query" not in agent.said(), agent.said())
        world.server.revoke(key_id)
        # It polls every ten seconds at the least often.
        refused = agent.says("Failed to query for ready flow runs", 30)
        told = refused and UNAUTHENTICATED in agent.said()
        world.check(f"agent {flag}: is refused at its next poll", told, agent.said())
        world.check(f"agent {flag}: is told the reason", "KEY_REVOKED" in agent.said(), agent.said())
    said = world.another().run(*AGENT, flag, key, "--max-polls", "1")
    world.check(f"agent {flag}: does not start again", "AuthorizationError" in said.text and said.code == 1, said)

    account = world.server.new_account("short-lived")
    _, key = world.server.new_key(account, "key")
    with world.another().start(*AGENT, flag, key) as agent:
        world.check(f"agent {flag}: starts with another key", agent.says("Waiting for flow runs..."), agent.said())
        world.server.mutate("delete_service_account", "success", service_account_id=account)
        refused = agent.says("Failed to query for ready flow runs", 30)
        told = refused and "OWNER_REMOVED" in agent.said()
        world.check(f"agent {flag}: is refused after its account is removed", told, agent.said())


def agents_find_their_key_elsewhere(world):
    """The other two ways of 0.14 and 0.15 to give an agent its key, and a user's key, which is none for an agent."""
    _, key = world.agent_key("administrator")
    said = world.another().run(*AGENT, "--max-polls", "1", PREFECT__CLOUD__AGENT__AUTH_TOKEN=key)
    world.says("agent with PREFECT__CLOUD__AGENT__AUTH_TOKEN", said, "Registration successful!")
    machine = world.another()
    (machine.home / ".prefect").mkdir()
    (machine.home / ".prefect" / "config.toml").write_text(f'[cloud.agent]\nauth_token = "{key}"\n')
    said = machine.run(*AGENT, "--max-polls", "1")
    world.says("agent with [cloud.agent] auth_token", said, "Registration successful!")
    said = world.another().run(*AGENT, "-t", world.own_key()[1], "--max-polls", "1")
    world.says("agent with a user's key", said, "Provided token does not have a RUNNER scope.", 1)


@scenario
def version_0_14():
    with World("0.14.22") as world:
        server, client = world.server, world.client
        key_id, key = world.own_key()
        world.says("auth login -t", client.run("auth", "login", "-t", key), "Login successful!")
        tenants_are_listed_and_switched(world)
        tokens_are_made_listed_and_revoked(world)
        python = str(ENVIRONMENTS / "prefect-0.14/bin/python")
        renewed = run([python, "-c", RENEW], environment(client.home, **client.variables), client.home)
        world.says("a client renews its token", renewed, "another token, and it works")
        said = client.run("auth", "list-tokens", PREFECT__CLOUD__AUTH_TOKEN=key)
        world.says("a token in the configuration", said, "Auth token already present in config.", 1)

        server.revoke(key_id)
        said = client.run("auth", "list-tokens")
        world.check("with a revoked key", "AuthorizationError" in said.text and "KEY_REVOKED" in said.text, said)
        said = world.another().run("auth", "login", "-t", key)
        world.says("auth login with a revoked key", said, f"Error attempting to use Prefect API token {key}.")
        said = world.another().run("auth", "login", "-t", "unknown")
        world.says("auth login with an unknown key", said, "Error attempting to use Prefect API token unknown.")

        another = world.another()
        another.run("auth", "login", "-t", world.own_key()[1])
        said = another.run("auth", "logout", given="y\n")
        world.says("auth logout", said, f"Logged out from tenant {server.tenant_id}")

        an_agent_works_until_its_key_is_revoked(world, "-t")
        agents_find_their_key_elsewhere(world)
        said = world.another().run(*AGENT, "-t", "unknown", "--max-polls", "1")
        world.says("agent with an unknown key", said, "Failed to verify authentication.", 1)


def keys_log_in(world):
    """What 0.15 and 1.4 have in common."""
    server, client = world.server, world.client
    key_id, key = world.own_key()
    greeting = "Logged in to Prefect Cloud tenant 'acme' (acme)"
    world.says("auth login --key", client.run("auth", "login", "--key", key), greeting)
    world.says("auth status", client.run("auth", "status"), f"You are logged in to tenant {server.tenant_id}")
    tenants_are_listed_and_switched(world)
    client.run("auth", "switch-tenants", "--slug", "globex")
    said = client.run("auth", "switch-tenants", "--default")
    sentence = f"Tenant restored to the default tenant for your API key: {server.tenant_id}"
    world.says("auth switch-tenants --default", said, sentence)
    keys_are_made_listed_and_revoked(world)
    said = world.another(PREFECT__CLOUD__API_KEY=key).run("auth", "list-tenants")
    world.check("PREFECT__CLOUD__API_KEY", row(said, "acme", "acme", server.tenant_id), said)

    said = world.another().run("auth", "login", "-k", "unknown")
    world.says("auth login with an unknown key", said, "Unauthorized. Invalid Prefect Cloud API key.", 1)
    nobody = world.another(PREFECT__CLOUD__API_KEY="unknown")
    said = nobody.run("auth", "list-tenants")
    world.says("auth list-tenants, refused", said, "You are not authenticated. Use `prefect auth login` first.", 1)

    server.revoke(key_id)
    said = client.run("auth", "list-keys")
    words = ["AuthorizationError", UNAUTHENTICATED, "KEY_REVOKED"]
    world.check("auth list-keys with a revoked key", all(word in said.text for word in words) and said.code == 1, said)
    for command in (["create-key", "-n", "n"], ["revoke-key", "-i", key_id]):
        said = client.run("auth", *command)
        world.check(f"auth {command[0]} with a revoked key", "AuthorizationError" in said.text and said.code == 1, said)
    said = client.run("auth", "list-tenants")
    sentence = "You are not authenticated. Use `prefect auth login` first."
    world.says("auth list-tenants with a revoked key", said, sentence, 1)
    said = world.another().run("auth", "login", "-k", key)
    world.says("auth login with a revoked key", said, "Unauthorized. Invalid Prefect Cloud API key.", 1)
    world.says("auth logout", client.run("auth", "logout", given="y\n"), "Logged out of Prefect Cloud")

    _, bob = server.new_member("bob@example.com")
    bobs = world.another()
    world.says("auth login of a member", bobs.run("auth", "login", "-k", bob), greeting)
    said = bobs.run("auth", "list-tenants")
    world.check("auth list-tenants of a member: own tenants only", "globex" not in said.out, said)
    said = bobs.run("auth", "switch-tenants", "--id", world.globex_id)
    held = "Tenant switched" not in said.text and said.code == 1
    world.check("auth switch-tenants of a member: own tenants only", held, said)

    an_agent_works_until_its_key_is_revoked(world)
    _, key = world.agent_key()
    said = world.another(PREFECT__CLOUD__API_KEY=key).run(*AGENT, "--max-polls", "1")
    world.says("agent with PREFECT__CLOUD__API_KEY", said, "Registration successful!")
    said = world.another().run(*AGENT, "--key", "unknown", "--max-polls", "1")
    world.check("agent with an unknown key", "AuthorizationError" in said.text and said.code == 1, said)


@scenario
def version_0_15():
    with World("0.15.13") as world:
        keys_log_in(world)
        world.client.run("auth", "login", "--key", world.own_key()[1])
        tokens_are_made_listed_and_revoked(world)
        said = world.another().run("auth", "login", "-t", world.own_key()[1])
        world.says("auth login -t", said, "Logged in to Prefect Cloud tenant 'acme' (acme)")
        said = world.another().run("auth", "login", "-t", "unknown")
        world.says("auth login -t with an unknown key", said, "Error attempting to use the given API token.")
        agents_find_their_key_elsewhere(world)
        an_agent_works_until_its_key_is_revoked(world, "-t")


@scenario
def version_1_4():
    with World("1.4.1") as world:
        keys_log_in(world)
        said = world.another().run(*AGENT, "-t", world.agent_key()[1], "--max-polls", "1")
        world.check("agent -t is gone", "No such option" in said.text and said.code == 2, said)
        client = world.another()
        client.run("auth", "login", "-k", world.own_key()[1])
        said = client.run("auth", "switch-tenants", "--id", str(uuid.uuid4()))
        sentence = "Unauthorized. Your API key is not valid for that tenant."
        world.says("auth switch-tenants --id, refused", said, sentence, 1)
        said = client.run("auth", "purge-tokens", given="y\n")
        world.check("auth purge-tokens", said.code == 0, said)
