"""What the benchmarks share: the shape of a row, and where rows are written."""

import json
import re
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def make_row(name: str, what: str, ours: float, spread: float, unit: str, command: str, **more: Any) -> Row:
    """One row of the table of benchmarks; ``more``: peer, peer_name, reach, all in ``unit``, and sense.

    ``sense``: "le" (the default) where smaller is better, "ge" where larger is. ``ratio_reach`` states the reach as a
    multiple of the peer.
    """
    peer, reach, sense = more.get("peer"), more.get("reach"), more.get("sense", "le")
    if reach is None and peer is not None and more.get("ratio_reach") is not None:
        reach = more["ratio_reach"] * peer
    return {
        "name": name,
        "what": what,
        "ours": ours,
        "peer": peer,
        "peer_name": more.get("peer_name"),
        "unit": unit,
        "ratio": None if peer is None else ours / peer,
        "sense": sense,
        "reach": reach,
        "ok": reach is None or (ours >= reach if sense == "ge" else ours <= reach),
        "spread": spread,
        "command": command,
    }


def peak_mib() -> float:
    """Peak memory of this process. What getrusage tells of a child may be that of its parent, before the exec."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise RuntimeError("this system does not tell the peak memory of a process")
    return int(found[1]) / 1024


def write_rows(rows: list[Row], path: Path | None) -> int:
    """Write the rows as JSON where a path is given; return the exit code: 0 when every reach was kept."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["ok"] for row in rows) else 1
