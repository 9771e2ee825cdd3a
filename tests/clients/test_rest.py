"""The clients that speak REST: prefect 2.20 and 3.9, and prefect-cloud; their logins, their refusals, their browser login."""

import json
import re

from browser import Opener, decide
from common import Client, Server, check, scenario
from terminal import Terminal

CLIENTS = {"2.20.27": "prefect-2.20", "3.9.0": "prefect-3.9"}
BAD_CREDENTIALS = "Unable to authenticate with Prefect Cloud. Please ensure your credentials are correct and unexpired."
PREFIXES = ("--user-key-prefix", "pnu", "--service-account-key-prefix", "pnb")


def client(installed, server, program="prefect"):
    return Client(
        installed, program, PREFECT_CLOUD_API_URL=f"{server.url}/api", PREFECT_CLOUD_UI_URL=server.url,
        PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1",
    )


def said(text):
    """On one line: clients wrap what they say to a width."""
    return re.sub(r"\s+", " ", text)


def logged_in(name, server, key):
    prefect = client(CLIENTS[name], server)
    login = prefect.run("cloud", "login", "-k", key, "-w", "acme/acme")
    check(f"{name}: cloud login", login.code == 0 and "acme/acme" in said(login.text), login)
    return prefect


@scenario
def people_log_in_look_round_and_log_out():
    with Server(*PREFIXES) as server:
        user_id, key = server.new_member("bob@example.com")
        for name in CLIENTS:
            prefect = logged_in(name, server, key)
            profiles = (prefect.home / ".prefect" / "profiles.toml").read_text()
            url = f"{server.url}/api/accounts/{server.tenant_id}/workspaces/{server.tenant_id}"
            check(f"{name}: the profile has the key and the workspace", key in profiles and url in profiles, profiles)
            listed = prefect.run("cloud", "workspace", "ls")
            check(f"{name}: workspace ls", listed.code == 0 and "acme/acme" in listed.text, listed)
            chosen = prefect.run("cloud", "workspace", "set", "-w", "acme/acme")
            check(f"{name}: workspace set", chosen.code == 0 and "acme/acme" in chosen.text, chosen)
            current = re.search(r'active = "(.+?)"', profiles)
            used = prefect.run("profile", "use", current.group(1) if current else "default")
            check(f"{name}: profile use", used.code == 0 and "Connected to Prefect Cloud" in said(used.text), used)
            flows = prefect.run("flow", "ls")
            check(f"{name}: flow ls is told that there are no flows here", "NOT_AN_ORCHESTRATOR" in flows.text, flows)
            out = prefect.run("cloud", "logout")
            check(f"{name}: cloud logout", out.code == 0 and "Logged out" in out.text, out)

        prefect = logged_in("3.9.0", server, key)
        for path in ("/me", "/me/"):
            me = prefect.run("api", "GET", path, "--root")
            check(f"3.9.0: api GET {path} --root", me.code == 0 and json.loads(me.out)["id"] == user_id, me)
        made = prefect.run("api", "POST", f"/users/{user_id}/api_keys", "--root", "--data", '{"name": "by hand"}')
        check("3.9.0: api POST makes a key", made.code == 0 and json.loads(made.out)["key"].startswith("pnu_"), made)
        made = json.loads(made.out)
        listed = prefect.run("api", "GET", f"/users/{user_id}/api_keys", "--root")
        names = [entry["name"] for entry in json.loads(listed.out)]
        check("3.9.0: api GET lists keys", names == ["first key", "by hand"], listed)
        gone = prefect.run("api", "DELETE", f"/users/{user_id}/api_keys/{made['id']}", "--root")
        check("3.9.0: api DELETE revokes one", gone.code == 0, gone)
        refused = client("prefect-3.9", server).run("cloud", "login", "-k", made["key"], "-w", "acme/acme")
        check("3.9.0: which is refused from then on", refused.code == 1 and BAD_CREDENTIALS in said(refused.text), refused)


@scenario
def machines_log_in_as_people_do():
    with Server(*PREFIXES) as server:
        status, _, bot = server.request(
            "POST", f"/api/accounts/{server.tenant_id}/bots/", server.key, {"name": "deployer"}
        )
        check("a service account is made by REST", status == 201 and bot["api_key"]["key"].startswith("pnb_"), bot)
        for name in CLIENTS:
            logged_in(name, server, bot["api_key"]["key"])
        status, _, rotated = server.request(
            "POST", f"/api/accounts/{server.tenant_id}/bots/{bot['id']}/rotate_api_key", server.key,
            {"api_key_expiration": None, "old_key_expires_in_seconds": 0},
        )
        for name in CLIENTS:
            old = client(CLIENTS[name], server).run("cloud", "login", "-k", bot["api_key"]["key"], "-w", "acme/acme")
            check(f"{name}: a rotated key is refused", old.code == 1 and BAD_CREDENTIALS in said(old.text), old)
            logged_in(name, server, rotated["api_key"]["key"])


@scenario
def refusals_are_worded_as_people_know_them():
    with Server(*PREFIXES) as server:
        for name in CLIENTS:
            key_id, key = server.new_key(server.user_id, "to be revoked")
            prefect = logged_in(name, server, key)
            unknown = prefect.run("cloud", "login", "-k", key, "-w", "acme/other")
            words = "Workspace 'acme/other' not found. Available workspaces: 'acme/acme'"
            check(f"{name}: an unknown workspace", unknown.code == 1 and words in said(unknown.text), unknown)
            server.revoke(key_id)
            listed = prefect.run("cloud", "workspace", "ls")
            words = "Unable to authenticate. Please ensure your credentials are correct"
            check(f"{name}: workspace ls with a revoked key", listed.code == 1 and words in said(listed.text), listed)
            profiles = (prefect.home / ".prefect" / "profiles.toml").read_text()
            profile = re.search(r'active = "(.+?)"', profiles).group(1)
            used = prefect.run("profile", "use", profile)
            words = "Error authenticating with Prefect Cloud using profile"
            check(f"{name}: profile use with a revoked key", used.code == 1 and words in said(used.text), used)
            flows = prefect.run("flow", "ls")
            check(f"{name}: flow ls with a revoked key", flows.code == 1 and "401 Unauthorized" in flows.text, flows)
            for key, words in (
                (key, BAD_CREDENTIALS),
                ("pnb_0123456789", BAD_CREDENTIALS),
                ("pcu_0123456789", "It looks like you're using API key from Cloud 1"),
                ("klu_0123456789", "Your key is not in our expected format: 'pnu_' or 'pnb_'."),
            ):
                login = client(CLIENTS[name], server).run("cloud", "login", "-k", key, "-w", "acme/acme")
                check(f"{name}: login with {key[:4]}…: {words[:40]}", login.code == 1 and words in said(login.text), login)
        asked = prefect.run("api", "GET", "/me", "--root")
        check(
            "3.9.0: api GET with a revoked key shows the code",
            asked.code == 3 and "401" in asked.text and "KEY_REVOKED" in asked.text, asked,
        )


@scenario
def keys_of_our_own_shape_log_in_all_the_same():
    with Server() as server:
        check("the default prefix is ours", server.key.startswith("klu_"), server.key[:4])
        for name in CLIENTS:
            logged_in(name, server, server.key)


@scenario
def prefect_cloud_logs_in_and_says_who():
    with Server(*PREFIXES) as server:
        user_id, key = server.new_member("bob@example.com")
        cloud = client("prefect-cloud-0.1", server, "prefect-cloud")
        login = cloud.run("login", "-k", key, "-w", "acme/acme")
        check("prefect-cloud: login", login.code == 0 and "Logged in to Prefect Cloud" in login.text, login)
        who = cloud.run("whoami")
        check("prefect-cloud: whoami", who.code == 0 and "bob@example.com" in who.text and "acme" in who.text, who)
        own = [k["id"] for k in server.request("GET", f"/api/users/{user_id}/api_keys", key)[2]]
        server.request("DELETE", f"/api/users/{user_id}/api_keys/{own[0]}", key)
        refused = cloud.run("whoami")
        check("prefect-cloud: whoami with a revoked key", refused.code == 1 and "401 Unauthorized" in refused.text, refused)


@scenario
def a_browser_login_hands_a_new_key_over():
    with Server(*PREFIXES) as server:
        user_id, key = server.new_member("bob@example.com")
        for name in CLIENTS:
            opener = Opener()
            prefect = client(CLIENTS[name], server)
            terminal = Terminal(prefect, "cloud", "login", BROWSER=f"{opener.program} %s")
            asked = terminal.says("How would you like to authenticate?")
            terminal.type("\r")
            address = opener.address()
            opened = address.startswith(f"{server.url}/auth/client?callback=http%3A//localhost%3A")
            check(f"{name}: it opens our page", asked and opened, address, terminal.text())
            statuses = decide(address, key, "agree")
            check(f"{name}: the key is handed over", statuses == (200, 200), statuses)
            code = terminal.ended()
            check(f"{name}: and the login is complete", code == 0 and "acme/acme" in said(terminal.text()), terminal.text())
            profiles = (prefect.home / ".prefect" / "profiles.toml").read_text()
            new = re.search(r'PREFECT_API_KEY = "(.+?)"', profiles)
            check(f"{name}: with a key of its own", new and new.group(1) != key and key not in profiles, profiles)
            _, _, who = server.request("GET", "/v1/whoami", new.group(1))
            check(f"{name}: of the same person, with an end", who["id"] == user_id and who["expires_at"], who)
            listed = prefect.run("cloud", "workspace", "ls")
            check(f"{name}: which works", listed.code == 0 and "acme/acme" in listed.text, listed)

        opener = Opener()
        terminal = Terminal(client("prefect-3.9", server), "cloud", "login", BROWSER=f"{opener.program} %s")
        terminal.says("How would you like to authenticate?")
        terminal.type("\r")
        statuses = decide(opener.address(), "", "refuse")
        code = terminal.ended()
        refused = code == 1 and "Failed to log in. The person at the browser refused." in said(terminal.text())
        check("3.9.0: whoever refuses is believed", refused, statuses, code, terminal.text())

        opener = Opener()
        cloud = client("prefect-cloud-0.1", server, "prefect-cloud")
        terminal = Terminal(cloud, "login", BROWSER=f"{opener.program} %s")
        statuses = decide(opener.address(), key, "agree")
        code = terminal.ended()
        done = statuses == (200, 200) and code == 0 and "Logged in to Prefect Cloud" in said(terminal.text())
        check("prefect-cloud: a browser login", done, statuses, code, terminal.text())
        names = [k["name"] for k in server.request("GET", f"/api/users/{user_id}/api_keys", key)[2]]
        check("its key is named after it", "prefect-cloud (browser login)" in names, names)
