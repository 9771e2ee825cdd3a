"""nginx in front of something, with docs/integrations/nginx.conf as it is in the repository but for its addresses."""

import os
import shutil
import subprocess
from pathlib import Path

from common import Running, environment, eventually, folder, free_port

FILE = Path(__file__).resolve().parents[2] / "docs" / "integrations" / "nginx.conf"

# What the file leaves to whoever has an nginx already; where it writes, and that it needs no root.
AROUND = """
daemon off; worker_processes 1; pid {home}/pid; error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi; uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
    include {file};
}}
"""


def _program():
    """nginx, installed if it is not there and that may be done."""
    for place in (shutil.which("nginx"), "/usr/sbin/nginx"):
        if place and os.path.exists(place):
            return place
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "--yes", "--no-install-recommends", "nginx-light"]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
        return _program()
    raise RuntimeError("this test needs nginx; on Debian: apt-get install nginx-light")


class Proxy:
    """A running nginx between clients and an upstream."""

    def __init__(self, keyledger_url, upstream_port, query=""):
        port, home = free_port(), folder("nginx")
        self.url = f"http://127.0.0.1:{port}"
        text = FILE.read_text()
        for stands, put in (
            ("listen 127.0.0.1:8080;", f"listen 127.0.0.1:{port};"),
            ("server 127.0.0.1:4200;", f"server {keyledger_url.removeprefix('http://')};"),
            ("server 127.0.0.1:4201;", f"server 127.0.0.1:{upstream_port};"),
            ("/forward-auth;", f"/forward-auth{query};"),
        ):
            assert text.count(stands) == 1, stands
            text = text.replace(stands, put)
        (home / "prefect.conf").write_text(text)
        (home / "nginx.conf").write_text(AROUND.format(home=home, file=home / "prefect.conf"))
        self.running = Running([_program(), "-p", str(home), "-c", str(home / "nginx.conf")], environment(home), home)
        assert eventually((home / "pid").exists, 20), self.running.said()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running.stop()
