"""The variables of a server as people and programs see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luban.plant import BrowsedNode

__all__ = ["node_object", "node_tree"]

_MOST_SHOWN = 3  # values of an array


def node_object(node: BrowsedNode) -> dict[str, Any]:
    """Return a variable for JSON; an unbounded range is null."""
    from luban.plant.state import severity_of

    return {
        "path": [{"namespace": part.namespace, "name": part.name} for part in node.path],
        "text": node.text,
        "value": node.value,
        "status": node.status,
        "severity": severity_of(node.status).value,
        "data_type": node.data_type,
        "unit": node.unit,
        "low": node.low,
        "high": node.high,
        "writable": node.writable,
    }


def node_tree(endpoint: str, nodes: Sequence[BrowsedNode]) -> Any:
    """Return a rich tree of variables."""
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(Text(endpoint, style="bold"))
    branches: dict[tuple[tuple[str, str], ...], Any] = {(): root}
    variables = {tuple((part.namespace, part.name) for part in node.path): node for node in nodes}
    for key in variables:
        for length in range(1, len(key) + 1):
            part = key[:length]
            if part not in branches:
                node = variables.get(part)
                label = Text(part[-1][1], style="bold") if node is None else _label(node)
                branches[part] = branches[part[:-1]].add(label)
    if not nodes:
        root.add(Text("no variables"))
    return root


def _label(node: BrowsedNode) -> Any:
    import math

    from rich.text import Text

    from luban.plant.state import Severity, severity_of

    parts = [_value(node.value), node.unit or ""]
    if math.isfinite(node.low) or math.isfinite(node.high):
        parts.append(f"({node.low:g} to {node.high:g})")
    parts += [node.data_type, "writable" if node.writable else ""]
    if (severity := severity_of(node.status)) is not Severity.good:
        parts.append(f"{severity.value} 0x{node.status:08X}")
    return Text(f"{node.name}  ", style="cyan").append("  ".join(part for part in parts if part), style="default")


def _value(value: Any) -> str:
    from luban import console

    if isinstance(value, list):
        more = f", … {len(value):,} in all" if len(value) > _MOST_SHOWN else ""
        return f"[{', '.join(console.number(item) for item in value[:_MOST_SHOWN])}{more}]"
    return console.number(value)
