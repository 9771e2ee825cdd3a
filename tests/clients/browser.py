"""A browser, as far as the login page needs one: it opens what a client opens, sends the page's form, and plays its script.

Everything goes over plain HTTP; what the real script does is written out here, from what the page carries."""

import html.parser
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from common import eventually, folder


class Opener:
    """What clients call to open a page: a program that writes the address down."""

    def __init__(self):
        where = folder("browser")
        self.opened = where / "opened"
        self.program = where / "open"
        self.program.write_text(f'#!/bin/sh\nprintf %s "$1" > "{self.opened}.part" && mv "{self.opened}.part" "{self.opened}"\n')
        self.program.chmod(0o755)

    def address(self):
        """The address that was opened, once it was."""
        assert eventually(self.opened.exists), "no page was opened"
        return Path(self.opened).read_text()


class _Page(html.parser.HTMLParser):
    """The form's fields, and what the script is given."""

    def __init__(self, text):
        super().__init__()
        self.fields, self.given, self.scripts = {}, {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes["value"]
        if attributes.get("id") == "said":
            self.given = attributes
        if tag == "script":
            self.scripts.append(attributes.get("src"))


def _send(request):
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read().decode()


def decide(address, key, decision):
    """Opens the page, pastes the key, decides, and lets the page hand over what it carries: the statuses on the way."""
    status, _, text = _send(urllib.request.Request(address))
    assert status == 200, (status, text)
    origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(address))
    form = {**_Page(text).fields, "key": key, "decision": decision}
    headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    sent = urllib.request.Request(
        f"{origin}/auth/client", data=urllib.parse.urlencode(form).encode(), method="POST", headers=headers
    )
    status, head, text = _send(sent)
    page = _Page(text)
    if not page.given:
        return status, None
    # What a browser holds the script to.
    to = page.given["data-callback"]
    allowed = "connect-src {0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(to))
    assert head["Content-Security-Policy"].endswith(allowed), head["Content-Security-Policy"]
    scripts = [urllib.parse.urljoin(address, script) for script in page.scripts]
    assert scripts == [f"{origin}/auth/client.js"], scripts
    json.loads(page.given["data-answer"])
    handed = urllib.request.Request(
        to, data=page.given["data-answer"].encode(), method="POST",
        headers={"Content-Type": "application/json", "Origin": origin},
    )
    return status, _send(handed)[0]
