"""Every page and flow of the web UI, as a person with a browser meets it."""

import base64
import contextlib
import http.server
import json
import sys
import threading
import time
import urllib.request
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.ui import WebDriverWait

URL, MADE, AXE, PICTURES = sys.argv[1], json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[3]), Path(sys.argv[4])
LINK = sys.argv[5]
PATIENCE_SECONDS = 15
failures = []


def check(what, held, told=""):
    """One line for what was looked at."""
    print(f"ok {what}" if held else f"FAIL {what}: {told}", flush=True)
    if not held:
        failures.append(what)


def graphql(query, **variables):
    """The API, for what the flows find already there."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {MADE['key']}"}
    with urllib.request.urlopen(urllib.request.Request(f"{URL}/graphql", body, headers)) as answer:
        told = json.load(answer)
    assert "errors" not in told, told
    return told["data"]


def create_key(owner, name, **more):
    query = "mutation($input: create_api_key_input!) { create_api_key(input: $input) { id key } }"
    return graphql(query, input={"user_id": owner, "name": name, **more})["create_api_key"]


def create_account(name, role):
    query = "mutation($input: create_service_account_input!) { create_service_account(input: $input) { id } }"
    return graphql(query, input={"name": name, "role": role})["create_service_account"]["id"]


def furnish():
    """A tenant as it is after a while."""
    graphql('mutation { rename_tenant(input: {name: "Acme Data"}) { success } }')
    etl, ci = create_account("etl-agent", "runner"), create_account("ci", "member")
    nightly = create_key(etl, "nightly import", expires_at="2099-01-01T00:00:00Z")
    other = create_key(etl, "backfill")
    deploy = create_key(ci, "deploy")
    old = create_key(ci, "old deploy key")
    create_key(MADE["user_id"], "laptop", scopes=["keyledger:read"])
    act = "mutation($id: uuid!) { %s(input: {key_id: $id}) { success } }"
    graphql(act % "disable_api_key", id=nightly["id"])
    graphql(act % "enable_api_key", id=nightly["id"])
    graphql(act % "delete_api_key", id=old["id"])
    rename = "mutation($id: uuid!, $name: String!) { rename_api_key(input: {key_id: $id, name: $name}) { success } }"
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"):
        graphql(act % "disable_api_key", id=other["id"])
        graphql(act % "enable_api_key", id=other["id"])
        graphql(rename, id=other["id"], name=f"backfill since {day}")
    graphql(rename, id=other["id"], name="backfill")
    graphql(act % "disable_api_key", id=deploy["id"])
    add = "mutation($input: add_member_input!) { add_member(input: $input) { user_id } }"
    grace = {"email": "grace@example.com", "name": "Grace", "role": "member"}
    grace = graphql(add, input=grace)["add_member"]["user_id"]
    graphql(add, input={"email": "edsger@example.com", "name": "Edsger", "role": "read_only"})
    member, operator = join("maya@example.com", "member"), join("otto@example.com", "read_only")
    graphql("mutation($id: uuid!) { grant_operator(input: {user_id: $id}) { success } }", id=operator["user_id"])
    graphql("mutation($id: uuid!) { remove_member(input: {user_id: $id}) { success } }", id=operator["user_id"])
    use(nightly["key"])
    for name in ("etl-agent", "ci"):
        with contextlib.suppress(AssertionError):
            create_account(name, "runner")
    signing = graphql("{ signing_keys { edges { node { id } } } }")["signing_keys"]["edges"][0]["node"]["id"]
    return {
        "account": etl,
        "key": nightly["id"],
        "other": other["id"],
        "grace": grace,
        "signing_key": signing,
        "member": member,
        "operator": operator,
    }


def join(email, role):
    """Somebody in the tenant, with a first key."""
    query = "mutation($input: add_member_input!) { add_member(input: $input) { user_id key } }"
    added = graphql(query, input={"email": email, "role": role, "first_key": True})["add_member"]
    request = urllib.request.Request(f"{URL}/v1/whoami", headers={"authorization": f"Bearer {added['key']}"})
    with urllib.request.urlopen(request) as answer:
        return {**added, "key_id": json.load(answer)["key_id"]}


def use(key):
    request = urllib.request.Request(f"{URL}/v1/whoami", headers={"authorization": f"Bearer {key}", "user-agent": "curl/8"})
    urllib.request.urlopen(request).read()


class UnderAPath(http.server.BaseHTTPRequestHandler):
    """A proxy that shows the server under /sub/path/, and takes the path away, as proxies do."""

    protocol_version = "HTTP/1.1"
    prefix = "/sub/path"

    def forward(self):
        if not self.path.startswith(self.prefix + "/"):
            self.send_error(404)
            return
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length) if length else None
        request = urllib.request.Request(URL + self.path[len(self.prefix):], body, method=self.command)
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "content-length"):
                request.add_header(name, value)
        opener = urllib.request.build_opener(Unfollowed)
        try:
            answer = opener.open(request)
        except urllib.error.HTTPError as refused:
            answer = refused
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = forward

    def log_message(self, *_):
        pass


class Unfollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@contextlib.contextmanager
def browser(scripts=True):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.set_capability("unhandledPromptBehavior", "ignore")
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


def complaints(driver):
    """What the browser held against the pages: of the policy, of scripts, of files that are not there."""
    log = driver.get_log("browser")
    return [entry["message"] for entry in log if entry["level"] == "SEVERE" or "Content Security Policy" in entry["message"]]


def show(driver, width, scheme):
    height = 900 if width > 600 else 780
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def wait(driver, held):
    def asked(driver):
        try:
            return held(driver)
        except (StaleElementReferenceException, NoSuchElementException):
            return False
        except WebDriverException as error:
            # What chromedriver says, too, of an element whose page another one has just replaced.
            if "does not belong to the document" in (error.msg or ""):
                return False
            raise

    return WebDriverWait(driver, PATIENCE_SECONDS).until(asked)


def click(driver, selector):
    element = driver.find_element(By.CSS_SELECTOR, selector)
    driver.execute_cdp_cmd("Page.enable", {})
    element.click()


def fill(driver, selector, text):
    field = driver.find_element(By.CSS_SELECTOR, selector)
    field.clear()
    field.send_keys(text)


def heading(driver):
    return driver.find_element(By.TAG_NAME, "h1").text


def sign_in(driver, base, key=MADE["key"]):
    driver.get(f"{base}/")
    fill(driver, "#key", key)
    click(driver, "form button")
    wait(driver, lambda driver: heading(driver) == "API keys")


def lifecycle(driver, base, name, scripts):
    """What must need no manual: a service account, a key for it, and the key's end."""
    said = f"{name}, {'with' if scripts else 'without'} JavaScript"
    sign_in(driver, base)
    check(f"{said}: signed in", driver.current_url == f"{base}/ui/keys", driver.current_url)
    driver.find_element(By.LINK_TEXT, "Service accounts").click()
    driver.find_element(By.LINK_TEXT, "New service account").click()
    fill(driver, "#name", f"agent of {name}")
    click(driver, "main form.form button.primary")
    wait(driver, lambda driver: heading(driver) == "New key")
    chosen = Select(driver.find_element(By.ID, "owner")).first_selected_option.text
    check(f"{said}: the new account is chosen", chosen == f"agent of {name}", chosen)
    fill(driver, "#name", f"first of {name}")
    click(driver, "main form.form button.primary")
    wait(driver, lambda driver: "is made" in heading(driver))
    secret = driver.find_element(By.ID, "secret").get_attribute("value")
    check(f"{said}: the secret is shown", secret.startswith("kls_"), secret[:4])
    link = driver.find_element(By.CSS_SELECTOR, "a[download$='.env']").get_attribute("href")
    check(f"{said}: it can be downloaded", secret in link)
    copying = driver.find_element(By.CSS_SELECTOR, "[data-copy]").is_displayed()
    check(f"{said}: copying is offered only where it works", copying == scripts)
    if scripts:
        shown = driver.find_element(By.CSS_SELECTOR, "[data-server]").text
        check(f"{said}: the lines name this server", shown == base, shown)
        waiting = driver.find_element(By.CSS_SELECTOR, "[data-waiting]")
        check(f"{said}: it waits for its first use", waiting.text.startswith("Waiting"), waiting.text)
        use(secret)
        wait(driver, lambda _: "used" in waiting.get_attribute("class"))
        check(f"{said}: the first use is told by itself", "curl" in waiting.text, waiting.text)
        click(driver, "[data-stored]")
    driver.find_element(By.LINK_TEXT, "Done").click()
    wait(driver, lambda driver: heading(driver) == f"first of {name}")
    driver.find_element(By.LINK_TEXT, "Revoke…").click()
    typed = driver.find_elements(By.CSS_SELECTOR, "form.form #name")
    if typed:
        typed[0].send_keys(f"first of {name}")
    Select(driver.find_element(By.ID, "reason")).select_by_visible_text("It is no longer needed")
    click(driver, "button.danger")
    wait(driver, lambda driver: driver.find_elements(By.CSS_SELECTOR, ".notice"))
    check(f"{said}: the key is revoked", "revoked" in driver.find_element(By.CSS_SELECTOR, ".title .state").text)
    try:
        use(secret)
        check(f"{said}: it is refused", False, "it is accepted")
    except urllib.error.HTTPError as refused:
        check(f"{said}: it is refused", refused.code == 401, refused.code)
    click(driver, ".top form button")
    wait(driver, lambda driver: heading(driver) == "Sign in")
    check(f"{said}: signed out", "You are signed out" in driver.page_source)
    told = complaints(driver)
    check(f"{said}: the browser complains of nothing", not told, told)


def guard(driver, base):
    """Nobody leaves the one page with the secret by accident. Drivers let no such question be seen, so it is asked for."""
    sign_in(driver, base)
    driver.get(f"{base}/ui/keys/new")
    fill(driver, "#name", "guarded")
    click(driver, "main form.form button.primary")
    wait(driver, lambda driver: "is made" in heading(driver))
    leaving = """
        const leaving = new Event("beforeunload", { cancelable: true });
        window.dispatchEvent(leaving);
        return leaving.defaultPrevented;
    """
    check("leaving before the key is stored is asked about", driver.execute_script(leaving))
    driver.execute_script("document.querySelector('main details').open = true")
    for width, name in ((1280, "new-key-shown"), (360, "new-key-shown-phone")):
        show(driver, width, "light")
        save(driver, f"{name}-whole")
    show(driver, 1280, "light")
    click(driver, "[data-copy]")
    wait(driver, lambda driver: driver.find_element(By.CSS_SELECTOR, "[data-copy]").text == "Copied")
    check("the key is copied", True)
    click(driver, "[data-stored]")
    check("once it is stored, nothing is asked", not driver.execute_script(leaving))


def by_keyboard(driver, base):
    """Signing in and reaching a form without a pointer."""
    driver.get(f"{base}/ui/sign-in")
    active = lambda: driver.switch_to.active_element
    wait(driver, lambda driver: active().get_attribute("id") == "key")
    check("the key's field has the focus", True)
    active().send_keys(MADE["key"] + Keys.ENTER)
    wait(driver, lambda driver: heading(driver) == "API keys")
    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    check("the first stop leads past the sections", active().text == "Skip to the content", active().text)
    active().send_keys(Keys.ENTER)
    seen = []
    for _ in range(12):
        active().send_keys(Keys.TAB)
        seen.append(active().text)
        if active().text == "New key":
            break
    check("the keyboard reaches what is offered", seen[-1] == "New key", seen)
    active().send_keys(Keys.ENTER)
    wait(driver, lambda driver: heading(driver) == "New key")
    driver.find_element(By.ID, "name").send_keys("typed" + Keys.ENTER)
    wait(driver, lambda driver: "is made" in heading(driver))
    check("a key is made by keyboard alone", True)
    driver.find_element(By.CSS_SELECTOR, "[data-stored]").send_keys(Keys.SPACE)


def pages(there):
    key, account = there["key"], there["account"]
    return {
        "sign-in": "ui/sign-in",
        "keys": "ui/keys",
        "keys-dead": "ui/keys?state=dead",
        "new-key": "ui/keys/new",
        "key": f"ui/keys/{key}",
        "revoke": f"ui/keys/{key}/revoke",
        "rotate": f"ui/keys/{key}/rotate",
        "disable": f"ui/keys/{key}/disable",
        "accounts": "ui/accounts",
        "suspend-account": f"ui/accounts/{account}/suspend",
        "role-of-account": f"ui/accounts/{account}/role?role=administrator",
        "new-account": "ui/accounts/new",
        "remove-account": f"ui/accounts/{account}/remove",
        "members": "ui/members",
        "add-member": "ui/members/add",
        "tenants": "ui/tenants",
        "events": "ui/events",
        "events-narrowed": "ui/events?type=KeyCreated&all=yes",
        "time-machine": "ui/time?as_of=33",
        "keys-then": "ui/keys?as_of=9",
        "signing-keys": "ui/signing-keys",
        "deployment": "ui/deployment",
        "people": "ui/deployment/people",
        "new-tenant": "ui/deployment/tenants/new",
        "suspend-tenant": f"ui/deployment/tenants/{MADE['tenant_id']}/suspend",
        "remove-person": f"ui/deployment/people/{there['grace']}/remove",
        "retire": f"ui/signing-keys/{there['signing_key']}/retire?reason=compromised",
        "refusals": "ui/refusals",
        "nothing": "ui/nothing",
    }


def pages_of_a_member(there):
    """What somebody without special rights opens, and what they are told where they may not look."""
    key = there["member"]["key_id"]
    return {
        "keys": "ui/keys",
        "keys-dead": "ui/keys?state=dead",
        "new-key": "ui/keys/new",
        "key": f"ui/keys/{key}",
        "revoke": f"ui/keys/{key}/revoke",
        "rotate": f"ui/keys/{key}/rotate",
        "members": "ui/members",
        "tenants": "ui/tenants",
        "members-then": "ui/members?as_of=9",
        "events (refused)": "ui/events",
        "accounts (refused)": "ui/accounts",
        "somebody-elses-key (refused)": f"ui/keys/{there['key']}",
    }


def pages_of_an_operator(there):
    """What an operator opens who is in no tenant."""
    key = there["operator"]["key_id"]
    return {
        "keys": "ui/keys",
        "new-key": "ui/keys/new",
        "key": f"ui/keys/{key}",
        "revoke": f"ui/keys/{key}/revoke",
        "somebody-elses-key": f"ui/keys/{there['key']}",
        "members (refused)": "ui/members",
        "tenants": "ui/tenants",
        "signing-keys": "ui/signing-keys",
        "retire": f"ui/signing-keys/{there['signing_key']}/retire?reason=compromised",
        "deployment": "ui/deployment",
        "people": "ui/deployment/people",
        "new-tenant": "ui/deployment/tenants/new",
        "remove-tenant": f"ui/deployment/tenants/{MADE['tenant_id']}/remove",
        "suspend-person": f"ui/deployment/people/{there['grace']}/suspend",
        "events": "ui/events?all=yes",
        "refusals": "ui/refusals",
    }


# How a page is looked at: how wide, and in which colours.
EVERY_WAY = [(width, scheme) for width in (360, 1280) for scheme in ("light", "dark")]
# Each width and each colour once: for pages that were looked at in every way by somebody else.
TWO_WAYS = [(360, "dark"), (1280, "light")]


def look(driver, base, there):
    """Every page, at two widths, light and dark: nothing sticks out, and axe-core finds nothing serious."""
    sign_in(driver, base)
    for name, path in pages(there).items():
        examine(driver, name, f"{base}/{path}", EVERY_WAY)
    told = [message for message in complaints(driver) if "/ui/nothing" not in message]
    check("all pages: the browser complains of nothing", not told, told)


def look_as(driver, base, there, said, key, found):
    """The pages of somebody, each width and each colour once; every section that is offered is there, and so is all that a page fetches."""
    driver.delete_all_cookies()
    show(driver, 1280, "light")
    sign_in(driver, base, key)
    offered = [link.get_attribute("href") for link in driver.find_elements(By.CSS_SELECTOR, "nav.sections a")]
    for address in offered:
        driver.get(address)
        told = complaints(driver)
        check(f"{said}: {address.removeprefix(base)} is offered and opens", not told, told)
    for name, path in found.items():
        examine(driver, f"{name}, {said}", f"{base}/{path}", TWO_WAYS)
        told = complaints(driver)
        refused = "(refused)" in name or name == "nothing"
        held = told and all(path in message for message in told) if refused else not told
        check(f"{name}, {said}: {'it is refused' if refused else 'the browser complains of nothing'}", held, told)


def examine(driver, name, address, ways):
    """One page, in the ways in which it is looked at; in every way: with pictures by day on a screen, and by night on a phone."""
    program = AXE.read_text()
    ask = "const done = arguments[0]; axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']}).then(done);"
    for width, scheme in ways:
        show(driver, width, scheme)
        driver.get(address)
        said = f"{name} at {width}, {scheme}"
        wide = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        check(f"{said}: nothing sticks out", wide <= 0, f"{wide} px")
        driver.execute_script(program)
        found = driver.execute_async_script(ask)["violations"]
        serious = [
            f"{finding['id']} at {finding['nodes'][0]['target']}: {finding['nodes'][0]['failureSummary'][:200]}"
            for finding in found
            if finding["impact"] in ("serious", "critical")
        ]
        check(f"{said}: axe-core finds nothing serious", not serious, serious)
        if ways == EVERY_WAY and (width, scheme) in TWO_WAYS:
            suffix = "" if width == 1280 else "-phone"
            driver.save_screenshot(str(PICTURES / f"{name}{suffix}.png"))
            save(driver, f"{name}{suffix}-whole")


def unbroken(driver, base):
    """Names and addresses of anybody's, as long as they may be and without a place to break them: on a phone nothing sticks out."""
    before = graphql("{ auth_info { tenant { name } } }")["auth_info"]["tenant"]["name"]
    graphql("mutation($name: String!) { rename_tenant(input: {name: $name}) { success } }", name="Wm" * 60)
    account = create_account("W" * 50, "runner")
    key = create_key(account, "M" * 50)
    add = "mutation($input: add_member_input!) { add_member(input: $input) { user_id } }"
    address = f"{'w' * 64}@{'m' * 60}.{'w' * 60}.{'m' * 55}.example"
    member = graphql(add, input={"email": address, "role": "member", "first_key": True})["add_member"]["user_id"]
    tenant = {"slug": "m" * 32, "name": "W" * 120, "administrator_email": "ada@example.com"}
    create = "mutation($input: create_tenant_input!) { create_tenant(input: $input) { id } }"
    tenant = graphql(create, input=tenant)["create_tenant"]["id"]
    show(driver, 360, "light")
    for path in (
        "ui/keys",
        f"ui/keys/{key['id']}",
        f"ui/keys/{key['id']}/revoke",
        f"ui/keys/{key['id']}/rotate",
        f"ui/keys/new?owner={account}",
        "ui/accounts",
        f"ui/accounts/{account}/remove",
        "ui/members",
        f"ui/members/{member}/remove",
        "ui/tenants",
        "ui/events",
        "ui/time?as_of=33",
        "ui/deployment",
        f"ui/deployment/tenants/{tenant}/remove",
        f"ui/deployment/tenants/{tenant}/suspend",
        "ui/deployment/people",
        f"ui/deployment/people/{member}/remove",
        f"ui/deployment/people/{member}/suspend",
        f"ui/keys/{key['id']}?as_of=33",
    ):
        driver.get(f"{base}/{path}")
        wide = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        check(f"long names at 360, {path.split('?')[0]}: nothing sticks out", wide <= 0, f"{wide} px")
    act = "mutation($id: uuid!) { %s(input: {%s: $id}) { success } }"
    graphql(act % ("delete_service_account", "service_account_id"), id=account)
    graphql(act % ("remove_member", "user_id"), id=member)
    graphql(act % ("remove_tenant", "tenant_id"), id=tenant)
    graphql("mutation($name: String!) { rename_tenant(input: {name: $name}) { success } }", name=before)


def set_up(driver):
    """The link of a fresh server leads to a form; then the first key is shown, and one is signed in."""
    driver.get(LINK)
    fill(driver, "#tenant", "acme")
    fill(driver, "#tenant_name", "Acme Ltd")
    fill(driver, "#email", "ada@example.com")
    click(driver, "form button")
    wait(driver, lambda driver: heading(driver) == "Your first key")
    key = driver.find_element(By.ID, "secret").get_attribute("value")
    check("set up: the first key is shown", key.startswith("klu_"), key[:4])
    driver.save_screenshot(str(PICTURES / "set-up-done.png"))
    driver.find_element(By.LINK_TEXT, "Go on").click()
    wait(driver, lambda driver: heading(driver) == "API keys")
    where = driver.find_element(By.CSS_SELECTOR, ".where").text
    check("set up: its owner is signed in", "Acme Ltd" in where, where)
    told = complaints(driver)
    check("set up: the browser complains of nothing", not told, told)
    driver.get(LINK)
    check("set up: the link does nothing more", "ALREADY_INITIALISED" in driver.page_source)
    complaints(driver)  # of the refusal, which was wanted


def operate(driver, base, there):
    """What is done to somebody needs their name, and is told once."""
    show(driver, 1280, "light")
    driver.get(f"{base}/ui/deployment/people/{there['grace']}/suspend")
    fill(driver, "#name", "grace@example.com")
    click(driver, "button.danger")
    wait(driver, lambda driver: driver.find_elements(By.CSS_SELECTOR, ".notice"))
    told = driver.find_element(By.CSS_SELECTOR, ".notice").text
    check("somebody is suspended", "suspended in every tenant" in told, told)
    driver.refresh()
    check("which is told once", not driver.find_elements(By.CSS_SELECTOR, ".notice"))
    click(driver, "td form button")
    wait(driver, lambda driver: "resumed" in driver.find_element(By.CSS_SELECTOR, ".notice").text)
    check("and resumed", True)


def place_of(driver):
    return int(driver.find_element(By.CSS_SELECTOR, "[data-place]").text)


def arrived(driver, place):
    """The slider, the list and the banner are at a place."""
    current = driver.find_element(By.CSS_SELECTOR, ".events [aria-current] [data-go]")
    banner = driver.find_elements(By.CSS_SELECTOR, "aside.banner")
    told = not banner or f"after event {place}" in banner[0].text
    return place_of(driver) == place and int(current.get_attribute("data-go")) <= place and told


def slide(driver, base):
    """The slider, the steps, the bars and the list of events are one control; Back comes back."""
    show(driver, 1280, "light")
    driver.get(f"{base}/ui/time?as_of=9")
    driver.execute_script("window.stayed = true")
    driver.find_element(By.PARTIAL_LINK_TEXT, "Event after").click()
    wait(driver, lambda driver: arrived(driver, 10))
    check("a step goes to the next event", driver.current_url.endswith("as_of=10"), driver.current_url)
    driver.back()
    wait(driver, lambda driver: arrived(driver, 9))
    check("and Back comes back", driver.current_url.endswith("as_of=9"), driver.current_url)
    slider = driver.find_element(By.ID, "slider")
    head = int(slider.get_attribute("max"))
    slider.send_keys(Keys.ARROW_RIGHT)
    wait(driver, lambda driver: arrived(driver, 10) and driver.current_url.endswith("as_of=10"))
    check("an arrow key goes to the next event, and the list comes along", True)
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    wait(driver, lambda driver: arrived(driver, 11) and driver.current_url.endswith("as_of=11"))
    check("keys that follow each other quickly end where they should", True)
    slider.send_keys(Keys.END)
    wait(driver, lambda driver: arrived(driver, head) and not driver.find_elements(By.CSS_SELECTOR, "aside.banner"))
    check("End is now", driver.current_url == f"{base}/ui/time", driver.current_url)
    slider.send_keys(Keys.PAGE_DOWN)
    wait(driver, lambda driver: place_of(driver) <= head - 10 and arrived(driver, place_of(driver)))
    check("Page Down goes ten events back", place_of(driver) >= 1, place_of(driver))
    slider.send_keys(Keys.HOME)
    wait(driver, lambda driver: place_of(driver) == 1 and driver.current_url.endswith("as_of=1"))
    check("Home is the first event", True)
    wait(driver, lambda driver: driver.find_elements(By.CSS_SELECTOR, ".events .later:not(.far) a"))
    link = driver.find_elements(By.CSS_SELECTOR, ".events .later:not(.far) a")[0]
    chosen = int(link.get_attribute("data-go"))
    link.click()
    wait(driver, lambda driver: arrived(driver, chosen))
    check("an event that is chosen moves the slider", slider.get_attribute("value") == str(chosen), slider.get_attribute("value"))
    driver.execute_script(
        "const slider = document.querySelector('#slider');"
        "for (const place of [10, 11, 12]) { slider.value = place; slider.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    wait(driver, lambda driver: arrived(driver, 12) and driver.current_url.endswith("as_of=12"))
    check("sliding brings the list along", True)
    bar = driver.find_elements(By.CSS_SELECTOR, ".density a")[2]
    aim = driver.execute_script("return arguments[0].getAttribute('href')", bar)
    driver.execute_script("arguments[0].dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }))", bar)
    wanted = int(aim.split("as_of=")[1])
    wait(driver, lambda driver: place_of(driver) == wanted)
    check("a bar leads to its place", True)
    check("the page was never left", driver.execute_script("return window.stayed === true"))
    driver.get(f"{base}/ui/time?as_of=8")
    click(driver, "[data-copy=unified]")
    wait(driver, lambda driver: driver.find_element(By.CSS_SELECTOR, "[data-copy=unified]").text == "Copied")
    check("what is otherwise is copied", True)
    driver.find_element(By.LINK_TEXT, "API keys then").click()
    check("the moment goes along", "as_of=8" in driver.current_url, driver.current_url)
    driver.find_element(By.LINK_TEXT, "Return to now").click()
    check("and one returns to now", driver.current_url == f"{base}/ui/keys", driver.current_url)
    told = complaints(driver)
    check("the time machine: the browser complains of nothing", not told, told)


def slide_by_links(driver, base):
    """The same without JavaScript: steps, bars and a form."""
    sign_in(driver, base)
    driver.get(f"{base}/ui/time?as_of=9")
    driver.find_element(By.PARTIAL_LINK_TEXT, "Event after").click()
    wait(driver, lambda driver: driver.current_url.endswith("as_of=10"))
    check("without JavaScript a step is a link", place_of(driver) == 10, place_of(driver))
    driver.find_element(By.ID, "slider").send_keys(Keys.ARROW_RIGHT)
    driver.find_element(By.XPATH, "//button[text()='Go to this event']").click()
    wait(driver, lambda driver: driver.current_url.endswith("as_of=11"))
    check("without JavaScript the slider is a field of a form", place_of(driver) == 11, place_of(driver))
    copying = driver.find_element(By.CSS_SELECTOR, "[data-copy]").is_displayed()
    check("without JavaScript copying is not offered", not copying)
    driver.get(f"{base}/ui/keys")
    driver.find_element(By.LINK_TEXT, "why?").click()
    wait(driver, lambda driver: driver.current_url.endswith("#why"))
    check("why leads to the events that decide", driver.find_element(By.ID, "why").is_displayed())


def change(driver, base, there):
    """What a key is held to, by its page's forms."""
    driver.get(f"{base}/ui/keys/{there['other']}")
    for summary in driver.find_elements(By.CSS_SELECTOR, ".alter summary"):
        summary.click()
    fill(driver, "#requests", "1000")
    Select(driver.find_element(By.ID, "period")).select_by_visible_text("an hour")
    driver.find_element(By.XPATH, "//button[text()='Change the rate']").click()
    wait(driver, lambda driver: driver.find_elements(By.CSS_SELECTOR, ".notice"))
    check("a rate is set on a key's page", "1000 requests in 1 hour" in driver.find_element(By.CSS_SELECTOR, ".facts").text)


def on_paper(driver, base, there):
    """What is printed has no buttons, no sections, and nothing that sticks out of a sheet."""
    show(driver, 720, "dark")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    for name in ("keys", "key", "events", "time-machine"):
        driver.get(f"{base}/{pages(there)[name]}")
        seen = "return [...document.querySelectorAll('nav, button, footer, input[type=range]')].filter(e => e.offsetParent).length"
        check(f"{name} on paper: nothing to press", driver.execute_script(seen) == 0, driver.execute_script(seen))
        wide = driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
        check(f"{name} on paper: nothing sticks out", wide <= 0, f"{wide} px")
        ground = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
        check(f"{name} on paper: the ground is white", ground == "rgb(255, 255, 255)", ground)
        save(driver, f"{name}-paper")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def save(driver, name):
    """A picture of the whole page."""
    size = "return [document.documentElement.clientWidth, Math.min(document.documentElement.scrollHeight, 6000)]"
    width, height = driver.execute_script(size)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
    (PICTURES / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


def main():
    there = furnish()
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), UnderAPath)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    below = f"http://127.0.0.1:{proxy.server_port}{UnderAPath.prefix}"
    with browser() as driver:
        look(driver, URL, there)
        on_paper(driver, URL, there)
        slide(driver, URL)
        change(driver, URL, there)
        operate(driver, URL, there)
        unbroken(driver, URL)
        examine(driver, "set-up", LINK, EVERY_WAY)
    with browser() as driver:
        look_as(driver, below, there, "under a path", MADE["key"], pages(there))
        member, operator = there["member"]["key"], there["operator"]["key"]
        look_as(driver, URL, there, "as a member", member, pages_of_a_member(there))
        look_as(driver, URL, there, "as an operator without a tenant", operator, pages_of_an_operator(there))
    with browser() as driver:
        lifecycle(driver, URL, "the root", scripts=True)
        lifecycle(driver, below, "a path", scripts=True)
        by_keyboard(driver, URL)
    with browser() as driver:
        guard(driver, URL)
    with browser(scripts=False) as driver:
        slide_by_links(driver, URL)
    with browser(scripts=False) as driver:
        set_up(driver)
        lifecycle(driver, URL, "the root again", scripts=False)
        lifecycle(driver, below, "a path again", scripts=False)
    print(f"{len(failures)} failed" if failures else "everything held")
    sys.exit(1 if failures else 0)


main()
