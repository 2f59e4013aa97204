"""The kinds of the arguments of a proposal, where another one would end in an error of Python's own."""

from collections.abc import Callable
from numbers import Real
from types import NoneType

import numpy as np

from luban._core import SearchOptions, Surrogate
from luban.errors import ConfigurationError

# Of each argument what it must be, in Python and in words, and a hint.
_KINDS: dict[str, tuple[tuple[type, ...], str, str]] = {
    "acquisition": ((str,), "the name of an acquisition", ""),
    "beta": ((Real,), "a number", ""),
    "preset": ((str,), "the name of a preset", ""),
    "surrogate": (
        (Surrogate, NoneType),
        "a fitted surrogate, or None",
        "the covariance that is fitted here is named by `preset`",
    ),
    "trust_region": ((bool, np.bool_, NoneType), "True, False or None", ""),
    "search": ((SearchOptions, NoneType), "SearchOptions, or None", ""),
    "progress": ((Callable, NoneType), "a function of one argument, or None", ""),  # type: ignore[dict-item]
}


def require_kinds(**arguments: object) -> None:
    """Refuse what the core would end with an error of Python's own. Raises: ConfigurationError."""
    for name, value in arguments.items():
        kinds, expected, hint = _KINDS[name]
        if not isinstance(value, kinds):
            raise ConfigurationError(
                where="recommend.propose",
                expected=expected,
                received=repr(value),
                place=f"argument {name}",
                hint=hint,
            )
