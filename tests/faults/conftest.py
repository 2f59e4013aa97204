"""Long forms run when they are asked for: `make test-faults-history`, that is, pytest -m faults."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "faults" in config.getoption("markexpr"):
        return
    long = [item for item in items if item.get_closest_marker("faults") is not None]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item.get_closest_marker("faults") is None]
