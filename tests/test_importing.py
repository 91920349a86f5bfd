"""Two threads that need the same client for the first time both get it whole."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CIRCLE = {
    "__init__.py": "from circle import first\n",
    "first.py": "import time\ntime.sleep(1.0)\nname = 1\nfrom circle.second import other\n",
    "second.py": "from circle.first import name\nother = 2\n",
}
PROGRAM = """
import importlib, sys, threading, time
from contextlib import nullcontext
from muster.importing import importing
sys.path.insert(0, sys.argv[1])
guard = importing if sys.argv[2] == "guarded" else nullcontext()
failed = []

def load(name):
    try:
        with guard:
            importlib.import_module(name)
    except ImportError as error:
        failed.append(str(error))

threads = [threading.Thread(target=load, args=(name,)) for name in ("circle", "circle.second")]
threads[0].start()
while "circle.first" not in sys.modules:
    time.sleep(0.01)
threads[1].start()
[thread.join() for thread in threads]
print(*failed)
"""


def failures(folder: Path, how: str) -> str:
    (folder / "circle").mkdir()
    for name, text in CIRCLE.items():
        (folder / "circle" / name).write_text(text)
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(folder), how], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_clients_are_imported_one_thread_at_a_time(tmp_path: Path) -> None:
    assert failures(tmp_path, "guarded") == ""


def test_without_that_a_package_that_imports_itself_in_a_circle_breaks(tmp_path: Path) -> None:
    assert "partially initialized module" in failures(tmp_path, "bare")
