"""The one place that imports asyncua, when it is first needed; it is an optional part of the package."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from luban.errors import NotBuiltError

__all__ = ["asyncua_module"]


def asyncua_module(name: str = "asyncua") -> Any:
    """Import ``asyncua`` or one of its modules. Raises: NotBuiltError when it is not installed."""
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise NotBuiltError(
            where="plant.opcua",
            expected="the package asyncua",
            received=str(error),
            hint="pip install 'luban[opcua]'",
        ) from error
    # Its records go to whoever configured logging; without that, not to stderr.
    logger = logging.getLogger("asyncua")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    return module
