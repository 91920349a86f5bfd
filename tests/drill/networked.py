"""The drill's launcher, but for the network that it takes away."""

import runpy
import sys
from pathlib import Path

launcher = runpy.run_path(str(Path(__file__).parents[2] / "drill" / "launch.py"), run_name="launcher")
launcher["main"].__globals__["_leave_network"] = lambda _: None
sys.exit(launcher["main"]())
