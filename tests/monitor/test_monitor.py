"""Charts, capability, coverage and run lengths against scipy and against plain Python twins."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats

from luban import monitor as m
from luban.errors import ConfigurationError, DataError

VALUES = hnp.arrays(float, st.integers(3, 40), elements=st.floats(-100, 100))


def plain_cusum(values: np.ndarray, allowance: float) -> list[float]:
    up = down = 0.0
    out = []
    for value in values:
        if not math.isnan(value):
            up, down = max(0.0, up + value - allowance), max(0.0, down - value - allowance)
        out.append(max(up, down))
    return out


def plain_page_hinkley(values: np.ndarray, allowance: float, warm_up: int) -> list[float]:
    up = down = 0.0
    out = []
    for n in range(1, len(values) + 1):
        step = values[n - 1] - np.mean(values[:n])
        if n > warm_up:
            up, down = max(0.0, up + step - allowance), max(0.0, down - step - allowance)
        out.append(max(up, down))
    return out


@given(VALUES, st.floats(0, 2))
def test_detectors_have_plain_twins(values: np.ndarray, allowance: float) -> None:
    holey = np.where(np.arange(len(values)) % 4 == 3, np.nan, values)
    statistic, _ = m.Cusum(allowance=allowance, threshold=1e9).follow(holey)
    np.testing.assert_allclose(statistic, plain_cusum(holey, allowance), atol=1e-9)
    statistic, _ = m.PageHinkley(allowance=allowance, threshold=1e9, warm_up=5).follow(values)
    np.testing.assert_allclose(statistic, plain_page_hinkley(values, allowance, 5), atol=1e-9)


def test_following_tells_where_the_alarm_came() -> None:
    values = np.r_[np.zeros(50), np.full(50, 2.0)]
    chart = m.Cusum(allowance=0.5, threshold=5.0)
    _, alarm = chart.follow(values)
    assert alarm == 53  # 1.5 a value: beyond 5 at the fourth
    assert chart.state is m.DriftState.drift
    assert chart.direction is m.DriftDirection.up
    assert chart.follow(values)[1] == -1, "an alarm that stands does not come again"
    one = m.Cusum(allowance=0.5, threshold=5.0)
    states = [one.update(value) for value in values]
    assert states.index(m.DriftState.drift) == alarm


def brook_evans(allowance: float, threshold: float, shift: float, states: int) -> float:
    """The Markov chain of one side, written anew."""
    width = 2 * threshold / (2 * states - 1)
    middles = np.arange(states) * width
    edges = np.r_[-np.inf, (np.arange(states) + 0.5) * width]
    moves = np.diff(stats.norm.cdf(edges[None, :] - middles[:, None] - shift + allowance), axis=1)
    return float(np.linalg.solve(np.eye(states) - moves, np.ones(states))[0])


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.5])
@pytest.mark.parametrize(("allowance", "threshold"), [(0.5, 4.0), (0.25, 8.0), (1.0, 2.5)])
def test_run_lengths_agree_with_a_fine_chain(allowance: float, threshold: float, shift: float) -> None:
    up, down = (brook_evans(allowance, threshold, side * shift, 800) for side in (1, -1))
    assert m.cusum_run_length(allowance, threshold, shift) == pytest.approx(1 / (1 / up + 1 / down), rel=2e-4)


def test_a_calibrated_detector_keeps_its_run_length() -> None:
    detector, answer = m.calibrated(m.PageHinkley(needed=2, among=3), run_length=100, runs=500, seed=3)
    assert detector.threshold == answer.threshold
    assert (detector.needed, detector.among) == (2, 3)
    check = m.detection_delay(detector, 0.0, seed=99, runs=500)
    assert abs(check.mean - 100) < 5 * math.hypot(check.standard_error, answer.standard_error)
    late, soon = (m.detection_delay(detector, shift, before=50, runs=300) for shift in (0.5, 2.0))
    assert soon.mean < late.mean < 100


def test_a_series_is_calibrated_with_its_missing_values() -> None:
    rng = np.random.default_rng(0)
    series = rng.normal(size=2000)
    series[::7] = np.nan
    _, answer = m.calibrated(m.Cusum(), series, run_length=100, runs=300)
    assert answer.missing == np.isnan(series).sum()
    assert answer.values + answer.missing == len(series)
    assert answer.standard_error >= answer.achieved.standard_error
    with pytest.raises(DataError, match="at least 100 finite residuals"):
        m.calibrated(m.Cusum(), series[:50])


def test_individuals_chart() -> None:
    # Montgomery, Introduction to Statistical Quality Control, table 6.6: mortgage loan costs.
    values = np.array([310, 288, 297, 298, 307, 303, 294, 297, 308, 306,
                       294, 299, 297, 299, 314, 295, 293, 306, 301, 304])  # fmt: skip
    chart = m.individuals_chart(values)
    assert chart.value.center == pytest.approx(300.5)
    assert np.mean(np.abs(np.diff(values))) == pytest.approx(7.79, abs=0.005)
    assert chart.moving_range.center == pytest.approx(7.79, abs=0.005)
    assert (chart.value.lower, chart.value.upper) == pytest.approx((279.78, 321.22), abs=0.02)
    assert (chart.moving_range.lower, chart.moving_range.upper) == pytest.approx((0, 25.45), abs=0.01)
    assert chart.value.beyond(np.r_[values, 330.0]).tolist() == [len(values)]


def test_a_range_needs_two_neighbours() -> None:
    chart = m.individuals_chart(np.array([1.0, 2.0, np.nan, 5.0, 6.0]))
    assert chart.moving_range.center == 1.0
    assert (chart.ranges, chart.missing) == (2, 1)
    with pytest.raises(DataError, match="two values that follow each other"):
        m.individuals_chart(np.array([1.0, np.nan, 2.0]))


@given(st.integers(2, 30), st.integers(1, 12), st.integers(0, 2**32))
def test_subgroup_chart(size: int, subgroups: int, seed: int) -> None:
    table = np.random.default_rng(seed).normal(10, 2, (subgroups, size))
    chart = m.subgroup_chart(table.ravel(), size)
    c4 = math.sqrt(2 / (size - 1)) * math.exp(special.gammaln(size / 2) - special.gammaln((size - 1) / 2))
    sd = table.std(axis=1, ddof=1).mean()
    half = 3 * sd / c4 / math.sqrt(size)
    assert (chart.mean.lower, chart.mean.center, chart.mean.upper) == pytest.approx(
        (table.mean() - half, table.mean(), table.mean() + half)
    )
    b = 3 * math.sqrt(1 - c4**2) / c4
    assert (chart.sd.lower, chart.sd.center, chart.sd.upper) == pytest.approx((max(0, 1 - b) * sd, sd, (1 + b) * sd))


def test_subgroup_factors_are_the_tabulated_ones() -> None:
    """A3, B3 and B4 of the usual tables, as factors of the mean standard deviation."""
    for size, a3, b3, b4 in [(2, 2.659, 0, 3.267), (5, 1.427, 0, 2.089), (10, 0.975, 0.284, 1.716)]:
        table = np.random.default_rng(size).normal(size=(6, size))
        chart = m.subgroup_chart(table.ravel(), size)
        assert (chart.mean.upper - chart.mean.center) / chart.sd.center == pytest.approx(a3, abs=6e-4)
        assert chart.sd.lower / chart.sd.center == pytest.approx(b3, abs=6e-4)
        assert chart.sd.upper / chart.sd.center == pytest.approx(b4, abs=6e-4)


@given(VALUES, st.floats(0.05, 1))
def test_ewma_chart(values: np.ndarray, weight: float) -> None:
    statistic, lower, upper = m.ewma_chart(values, center=1.0, sigma=2.0, weight=weight, width=3.0)
    n = len(values)
    for t in (1, n):
        weights = weight * (1 - weight) ** np.arange(t)
        expected = (1 - weight) ** t + weights @ values[:t][::-1]
        assert statistic[t - 1] == pytest.approx(expected, abs=1e-9)
        half = 3.0 * 2.0 * math.sqrt((weights**2).sum())
        assert (upper[t - 1] - 1.0, 1.0 - lower[t - 1]) == pytest.approx((half, half))


def test_capability_against_scipy() -> None:
    values = np.random.default_rng(1).normal(10.2, 0.5, 100)
    answer = m.process_capability(values, lower=8.0, upper=12.0)
    mean, sd, n = values.mean(), values.std(ddof=1), len(values)
    pp = 4.0 / (6 * sd)
    assert answer.pp.value == pytest.approx(pp)
    for p, bound in ((0.025, answer.pp.lower), (0.975, answer.pp.upper)):
        assert bound == pytest.approx(pp * math.sqrt(stats.chi2.ppf(p, n - 1) / (n - 1)), rel=1e-10)
    ppk = min(12 - mean, mean - 8) / (3 * sd)
    half = stats.norm.ppf(0.975) * math.sqrt(1 / (9 * n) + ppk**2 / (2 * (n - 1)))
    assert (answer.ppk.lower, answer.ppk.value, answer.ppk.upper) == pytest.approx((ppk - half, ppk, ppk + half))
    assert answer.sd_within == pytest.approx(np.abs(np.diff(values)).mean() * math.sqrt(math.pi) / 2)
    expected = stats.norm.cdf(8, mean, sd) + stats.norm.sf(12, mean, sd)
    assert answer.share_beyond == pytest.approx(expected)


def test_capability_within_subgroups() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(0, 1, (25, 4)) + rng.normal(0, 2, (25, 1))
    answer = m.process_capability(table.ravel(), lower=-5, upper=5, group=np.repeat(np.arange(25), 4))
    pooled = math.sqrt(table.var(axis=1, ddof=1).mean())
    assert answer.sd_within == pytest.approx(pooled)
    assert answer.freedom_within == 75
    assert answer.cp.value == pytest.approx(10 / (6 * pooled))
    assert answer.cp.value > answer.pp.value


def test_one_sided_specifications() -> None:
    values = np.random.default_rng(3).normal(5, 1, 60)
    upper = m.process_capability(values, upper=8.0)
    assert math.isnan(upper.cp.value)
    assert math.isnan(upper.pp.lower)
    assert upper.ppk.value == pytest.approx((8 - values.mean()) / (3 * values.std(ddof=1)))
    lower = m.process_capability(values, lower=2.0)
    assert lower.ppk.value == pytest.approx((values.mean() - 2) / (3 * values.std(ddof=1)))
    with pytest.raises(ConfigurationError, match="at least one limit"):
        m.process_capability(values)
    with pytest.raises(ConfigurationError, match="below the upper limit"):
        m.process_capability(values, lower=3.0, upper=3.0)
    with pytest.raises(DataError, match="values that differ"):
        m.process_capability(np.ones(10), upper=3.0)


def test_the_moving_range_has_these_degrees_of_freedom() -> None:
    """Cryer and Ryan's variance of the mean moving range, by simulation; intervals of Cp cover as they say."""
    rng = np.random.default_rng(4)
    answers = [m.process_capability(rng.normal(size=30), lower=-3, upper=3) for _ in range(4000)]
    within = np.array([answer.sd_within for answer in answers])
    assert answers[0].freedom_within == pytest.approx(1 / (2 * within.var()), rel=0.08)
    covered = np.mean([answer.cp.lower <= 1.0 <= answer.cp.upper for answer in answers])
    assert covered == pytest.approx(0.95, abs=0.015)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.sampled_from([0.5, 0.9, 0.99]))
def test_bounds_of_the_coverage_are_clopper_and_pearson(outcomes: list[bool], confidence: float) -> None:
    tracker = m.CoverageTracker(level=0.9, window=40, run_length=1e9)
    for inside in outcomes:
        tracker.update(inside)
    recent = outcomes[-40:]
    hits, n = sum(recent), len(recent)
    interval = stats.binomtest(hits, n).proportion_ci(confidence, method="exact")
    assert tracker.running_bounds(confidence) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert tracker.running_coverage == hits / n
    assert tracker.coverage == pytest.approx(sum(outcomes) / len(outcomes))


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_evidence_has_a_plain_twin(outcomes: list[bool]) -> None:
    level = 0.8
    tracker = m.CoverageTracker(level=level, run_length=1e12)
    misses = [1 - level + distance * level for distance in (0.03, 0.06, 0.12, 0.25, 0.5)]
    sums, products = np.zeros(5), np.ones(5)
    for inside in outcomes:
        tracker.update(inside)
        ratios = np.array([(1 - miss) / level if inside else miss / (1 - level) for miss in misses])
        sums, products = (sums + 1) * ratios, products * ratios
    assert tracker.statistic == pytest.approx(sums.mean())
    assert tracker.e_value == pytest.approx(products.mean())


def test_intervals_that_stop_holding_are_found() -> None:
    rng = np.random.default_rng(5)
    tracker = m.CoverageTracker(level=0.9)
    for value in rng.normal(size=300):
        tracker.update(-1.645, value, 1.645)
    assert tracker.state is m.CoverageState.holding
    tracker.update(-1.0, math.nan, 1.0)
    assert tracker.missing == 1
    steps = 0
    while tracker.state is m.CoverageState.holding:
        tracker.update(-1.645, rng.normal(scale=2.5), 1.645)
        steps += 1
    assert steps < 60
