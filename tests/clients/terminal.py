"""A terminal, for programs that ask their questions only on one."""

import os
import pty
import re
import select
import subprocess
import time

from common import PATIENCE_SECONDS, environment


class Terminal:
    """A command of a client on a terminal of its own."""

    def __init__(self, client, *arguments, **more):
        self.ours, theirs = pty.openpty()
        env = environment(client.home, TERM="xterm", LINES="50", **client.variables, **more)
        self.process = subprocess.Popen(
            [client.program, *arguments], env=env, cwd=client.home, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, close_fds=True,
        )
        os.close(theirs)
        self.heard = ""

    def _listen(self, seconds):
        readable, _, _ = select.select([self.ours], [], [], seconds)
        if not readable:
            return
        try:
            self.heard += os.read(self.ours, 65536).decode(errors="replace")
        except OSError:
            # Whoever had the other end is gone.
            time.sleep(seconds)

    def text(self):
        """What stands there, without colours and movements."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.heard)

    def says(self, text, seconds=PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while text not in self.text():
            if time.monotonic() > end or (self.process.poll() is not None and text not in self.text()):
                self._listen(0.2)
                return text in self.text()
            self._listen(0.2)
        return True

    def type(self, keys):
        # A question is there before whoever asks it listens: what is typed sooner is thrown away.
        time.sleep(2)
        os.write(self.ours, keys.encode())

    def ended(self, seconds=PATIENCE_SECONDS):
        """Waits for the end: the exit code; none if it does not come."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self._listen(0.2)
        self._listen(0.2)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            return None
        return self.process.returncode
