"""What the benchmarks share: the shape of a row, and where rows are written."""

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def make_row(name: str, what: str, ours: float, spread: float, unit: str, command: str, **more: Any) -> Row:
    """One row of the table of benchmarks, smaller is better; ``more``: peer, peer_name, reach, all in ``unit``."""
    peer, reach = more.get("peer"), more.get("reach")
    return {
        "name": name,
        "what": what,
        "ours": ours,
        "peer": peer,
        "peer_name": more.get("peer_name"),
        "unit": unit,
        "ratio": None if peer is None else ours / peer,
        "sense": "le",
        "reach": reach,
        "ok": reach is None or ours <= reach,
        "spread": spread,
        "command": command,
    }


def write_rows(rows: list[Row], path: Path | None) -> int:
    """Write the rows as JSON where a path is given; return the exit code: 0 when every reach was kept."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["ok"] for row in rows) else 1
