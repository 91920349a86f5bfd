"""`summary.html` in a real browser: hostile names run no script, and no request leaves."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from muster import journal, page
from muster.verdicts import Verdict
from tests.engine import browser
from tests.engine.pasts import journal as past_journal
from tests.engine.results import made

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed")


class Asked:
    """A server that notes what it is asked for."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        asked = self.paths

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/javascript" if self.path.endswith(".js") else "text/css")
                self.end_headers()
                self.wfile.write(b"document.title = 'RAN'" if self.path.endswith(".js") else b"body {}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def hostile(self) -> str:
        """Text that, taken for markup, asks this server for something in every way, and runs a script."""
        at = self.address
        run = "document.title='RAN'"
        parts = (
            "</title></style></p>\"'>",
            f"<script>{run}</script><script src='{at}/a.js'></script>",
            f'<img src="{at}/b.png" onerror="{run}">',
            f"<link rel=stylesheet href='{at}/c.css'><style>@import url({at}/d.css); *{{background:url({at}/e)}}</style>",
            f"<iframe src='{at}/f'></iframe>",
            f'<svg onload="{run}"></svg>',
            f"<meta http-equiv=refresh content='0;url={at}/g'><base href='{at}/h/'>",
            f"<object data='{at}/i'></object><video src='{at}/j'></video>",
        )
        return "".join(parts)


@pytest.fixture
def asked() -> Iterator[Asked]:
    made_server = Asked()
    thread = Thread(target=made_server.server.serve_forever)
    thread.start()
    yield made_server
    made_server.server.shutdown()
    made_server.server.server_close()
    thread.join()


def test_hostile_names_run_nothing_and_ask_nobody_in_a_browser(tmp_path: Path, asked: Asked) -> None:
    texts = dict.fromkeys(
        ("entity", "owner", "title", "observed", "reason", "cause", "next", "where", "seen", "note", "heading", "sentence"), asked.hostile()
    )
    results = [
        made(verdict, **{**texts, "entity": f"{verdict} {asked.hostile()}", "runbook": "javascript:alert(1)"}) for verdict in Verdict
    ]
    path = past_journal(tmp_path, *results, follow_ups={results[0].id: [asked.hostile()]})
    page.write(journal.read(path), tmp_path)

    text = browser.dom((tmp_path / "summary.html").as_uri())

    assert "<title>VIOLATED platform/production</title>" in text
    assert "&lt;script&gt;" in text
    assert asked.paths == []


def test_the_same_text_as_markup_would_have_been_noticed(tmp_path: Path, asked: Asked) -> None:
    naive = tmp_path / "naive.html"
    naive.write_text(f'<!DOCTYPE html><title>quiet</title><p title="{asked.hostile().replace("0;url", "9;url")}"></p>', encoding="utf-8")

    text = browser.dom(naive.as_uri())

    assert "<title>RAN</title>" in text
    assert {"/a.js", "/b.png", "/c.css"} <= set(asked.paths)


def test_the_policy_stops_what_the_escaping_would_let_through(tmp_path: Path, asked: Asked) -> None:
    page.write(journal.read(past_journal(tmp_path, made(Verdict.VIOLATED))), tmp_path)
    text = (tmp_path / "summary.html").read_text(encoding="utf-8")
    hostile = asked.hostile().replace("http-equiv=refresh", "")  # a redirect is no subresource, and nothing but escaping stops it
    (tmp_path / "torn.html").write_text(text.replace("</main>", f"{hostile}</main>"), encoding="utf-8")

    assert "<title>RAN</title>" not in browser.dom((tmp_path / "torn.html").as_uri())
    assert asked.paths == []


def test_the_switch_shows_one_environment(tmp_path: Path) -> None:
    results = [made(Verdict.VIOLATED, environment=each, entity=f"in-{each}") for each in ("production", "staging")]
    page.write(journal.read(past_journal(tmp_path, *results)), tmp_path)
    text = (tmp_path / "summary.html").read_text(encoding="utf-8").replace("</main>", "<script>SEEN</script></main>")
    text = text.replace("default-src &#x27;none&#x27;;", "default-src &#x27;none&#x27;; script-src &#x27;unsafe-inline&#x27;;")
    seen = "document.getElementById('s2').click(); document.title = [...document.querySelectorAll('article')].map(e => e.offsetHeight > 0)"
    (tmp_path / "switched.html").write_text(text.replace("SEEN", seen), encoding="utf-8")

    assert "<title>false,true</title>" in browser.dom((tmp_path / "switched.html").as_uri())
