"""`python reports/report.py [REPORTS]`: make one page of REPORTS/allure-results (default reports/out) with npm's Allure 3.

The version is the one of package-lock.json beside this file, installed into the folder that MUSTER_ALLURE names; where ALLURE
names a command, that is taken as it is. Without Node there is no such page, and summary.html says the same.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOTHING_TO_RENDER, FAILED = 4, 1


def main(arguments: list[str]) -> int:
    """Render; 0 also where there is no Node, 1 when npm or Allure fails, 4 without results."""
    out = Path(arguments[0] if arguments else "reports/out")
    if not (out / "allure-results").is_dir():
        print(f"{out / 'allure-results'}: no results; run checks first: pytest checks/daily", file=sys.stderr)
        return NOTHING_TO_RENDER
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None:
        print(f"Node is not installed, so Allure makes no page: {out / 'summary.html'}, summary.md and allure-results/ say the same.")
        return 0
    allure = os.environ.get("ALLURE") or _installed(npm)
    if allure is None:
        return FAILED
    return subprocess.run([node, str(HERE / "render.mjs"), str(out)], env={**os.environ, "ALLURE": allure}, check=False).returncode


def _installed(npm: str | None) -> str | None:
    """The command of the pinned version, installed when it is not there yet; None when it cannot be."""
    folder = Path(os.environ.get("MUSTER_ALLURE", HERE / "out" / "allure"))
    command, lock = folder / "node_modules" / ".bin" / "allure", HERE / "package-lock.json"
    copy = folder / lock.name
    if command.exists() and copy.exists() and copy.read_bytes() == lock.read_bytes():
        return str(command)
    if npm is None:
        print("npm is not installed: ALLURE may name the command `allure`, version 3", file=sys.stderr)
        return None
    folder.mkdir(parents=True, exist_ok=True)
    for file in (HERE / "package.json", lock):
        shutil.copyfile(file, folder / file.name)
    asked = [npm, "ci", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(asked, cwd=folder, check=False).returncode:
        copy.unlink()  # so that the next call tries again
        print("npm could not install Allure; summary.html says the same without it", file=sys.stderr)
        return None
    return str(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
