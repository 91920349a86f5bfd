"""An application for tests: it answers at its health route what it finds in the database that PG variables lead to.

`application.py URL`; how it behaves says the file `mode` in its home: `well`, `ill` (500), `never` (does not start to listen), `mute`
(listens and says nothing), `stubborn` (well, and does not end when told to). Each starts a child that would outlive it.
"""

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import psycopg


class Handler(BaseHTTPRequestHandler):
    """The health route."""

    def do_GET(self) -> None:
        if mode == "mute":
            time.sleep(600)
        with psycopg.connect() as connection:
            found = connection.execute("select count(*) from public.orders").fetchone()
        well = mode != "ill" and found == (12000,) and self.path == "/health?deep=1"
        self.send_response(200 if well else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


mode, _, children = Path(os.environ["HOME"], "mode").read_text().partition(" ")
child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
Path(os.environ["HOME"], "pids").write_text(f"{os.getpid()} {child.pid}")
sys.stdout.write(f"the password is {os.environ['PGPASSWORD']}\n")
sys.stdout.flush()
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "never":
    time.sleep(600)
address = urlsplit(sys.argv[1])
HTTPServer((address.hostname or "", address.port or 0), Handler).serve_forever()
