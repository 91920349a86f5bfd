"""What a copy turned out to be, kept so that the next drill can be compared with the last one that passed."""

from dataclasses import dataclass, field
from typing import Any

from drill import references, schema


@dataclass
class Proofs:
    """What a copy turned out to be; the last good drill's is what the next one may be compared with."""

    inventory: schema.Inventory | None = None
    counts: dict[str, int] = field(default_factory=dict)
    keys: tuple[references.Key, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        made = self.inventory.to_plain() if self.inventory else None
        return {"inventory": made, "counts": self.counts, "keys": references.to_plain(self.keys)}

    @classmethod
    def from_plain(cls, known: dict[str, Any]) -> "Proofs":
        """What `to_plain` gave. Raises ValueError for anything else."""
        inventory = schema.Inventory.from_plain(known["inventory"]) if known.get("inventory") else None
        return cls(inventory, dict(known.get("counts", {})), references.from_plain(known.get("keys", [])))
