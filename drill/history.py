"""What is kept of a drill: a line in `drills.jsonl`, and of the last one that passed what the next is compared with."""

import json
import os
from pathlib import Path

from drill.proofs import Proofs
from muster.kinds.drills import Drill
from muster.scrubber import dumps
from muster.state import StateError


def _file(state: Path, drill: Drill) -> Path:
    """`STATE/drills/<system>/<environment>/<name>.json`."""
    return state / "drills" / drill.key.partition("/drills/")[0] / f"{drill.name}.json"


def last_good(state: Path, drill: Drill) -> Proofs | None:
    """What the last drill that passed found; None when there was none. Raises StateError for a file that cannot be trusted."""
    path = _file(state, drill)
    try:
        return Proofs.from_plain(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"{path}: not what a drill keeps ({type(error).__name__}); restore it, or move it away to begin anew") from error


def keep(state: Path, drill: Drill, proofs: Proofs) -> None:
    """Remember a drill that passed. Replaces the file whole. Raises OSError."""
    path = _file(state, drill)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    fresh.write_text(dumps(proofs.to_plain()), encoding="utf-8")
    fresh.replace(path)
