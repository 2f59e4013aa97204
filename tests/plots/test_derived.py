"""Derived responses over runs, as plots show them."""

import numpy as np
import pandas as pd

from luban import _core
from luban.plots.runs import computed


def test_derived_values_are_sums_of_products_of_powers() -> None:
    frame = pd.DataFrame({"power": [100.0, 200.0, 400.0], "speed": [4.0, 2.0, 0.0], "grade": ["A", "B", "A"]})
    derived = _core.DerivedResponse(
        "d", [_core.Monomial({"power": 0.5, "speed": -1}, factor=2.0), _core.Monomial(factor=-1.0)]
    )
    np.testing.assert_allclose(computed(derived, frame), [2.0 * 10.0 / 4.0 - 1.0, np.sqrt(200.0) - 1.0, np.inf])
    square = _core.DerivedResponse("s", [_core.Monomial(["speed", "speed", "power"])])
    np.testing.assert_allclose(computed(square, frame), [1600.0, 800.0, 0.0])
