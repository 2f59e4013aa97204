"""What a conformance suite found not to hold, gathered so that one run tells everything."""

from __future__ import annotations

from collections.abc import Callable

from luban.errors import Error

__all__ = ["Violations"]


class Violations:
    """Collects sentences about what did not hold."""

    def __init__(self) -> None:
        self.violations: list[str] = []

    def expect(self, holds: object, otherwise: str) -> None:
        """Note ``otherwise`` unless it holds."""
        if not holds:
            self.violations.append(otherwise)

    def refuses(self, kind: type[Error], call: Callable[[], object], otherwise: str) -> None:
        """Note ``otherwise`` unless the call raises that error, and which other error of ours came instead."""
        try:
            call()
        except kind:
            return
        except Error as error:
            self.violations.append(f"{otherwise}: raised {type(error).__name__} instead of {kind.__name__}")
            return
        self.violations.append(otherwise)
