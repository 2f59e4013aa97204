"""The eight problems: variables, objectives (to minimise), constraints (kept where the slack is ≥ 0), references.

Formulas from the papers named at each. Where BoTorch's test functions (0.18.1) differ it is said; the tests hold every
formula against published optima and against numbers from BoTorch.
"""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.stats import qmc

Array = np.ndarray
DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Variable:
    """A column of X: continuous, on a grid of ``step``, or a category given by its index."""

    name: str
    low: float
    high: float
    step: float | None = None
    categories: tuple[str, ...] = ()

    @property
    def levels(self) -> Array | None:
        """The values of a grid or of categories; None where continuous."""
        step = 1.0 if self.categories else self.step
        return None if step is None else np.arange(self.low, self.high + step / 2, step)


def continuous(*ranges: tuple[float, float]) -> tuple[Variable, ...]:
    """Variables x1, x2, … of the given ranges."""
    return tuple(Variable(f"x{i + 1}", low, high) for i, (low, high) in enumerate(ranges))


@dataclass(frozen=True)
class Problem:
    """What is to be solved. ``evaluate``: X (n, d) → objectives (n, m) to minimise, slacks (n, k).

    ``optimum`` is the least objective, or the largest hypervolume above ``reference`` (values that are just not worth
    having, one per objective). ``budget`` counts evaluations with the ``initial`` ones.
    """

    name: str
    source: str
    variables: tuple[Variable, ...]
    evaluate: Callable[[Array], tuple[Array, Array]]
    optimum: float
    budget: int
    reference: tuple[float, ...] = ()
    noise_sd: float = 0.0
    table: Array | None = field(default=None, repr=False)

    @property
    def d(self) -> int:
        """Number of variables."""
        return len(self.variables)

    @property
    def initial(self) -> int:
        """Evaluations of the common initial design."""
        return self.d + 3

    @property
    def bounds(self) -> Array:
        """(2, d)."""
        return np.array([[v.low for v in self.variables], [v.high for v in self.variables]])

    def from_cube(self, U: Array) -> Array:
        """Points of the unit cube as settings: stretched, or an equal share of the side for each level."""
        X = np.empty_like(U)
        for j, variable in enumerate(self.variables):
            levels = variable.levels
            if levels is None:
                X[:, j] = variable.low + U[:, j] * (variable.high - variable.low)
            else:
                X[:, j] = levels[np.minimum((U[:, j] * len(levels)).astype(int), len(levels) - 1)]
        return X

    def realise(self, x: Array, tried: Array) -> Array:
        """The settings that are run when ``x`` (d) is proposed: inside, on the grid; of a table, a row not yet run.

        A replay runs the nearest row of the same categories while there is one, then the nearest of any.
        """
        x = np.clip(x, *self.bounds)
        for j, variable in enumerate(self.variables):
            levels = variable.levels
            if levels is not None:
                x[j] = levels[np.abs(levels - x[j]).argmin()]
        if self.table is None:
            return x
        free = [row for row in self.table if not (tried == row).all(axis=1).any()]
        rows = np.array(free) if free else self.table
        width = self.bounds[1] - self.bounds[0]
        category = np.array([bool(v.categories) for v in self.variables])
        apart = ((rows - x) / width) ** 2
        distance = apart[:, ~category].sum(axis=1) + 1e3 * (apart[:, category] > 0).sum(axis=1)
        return rows[distance.argmin()]

    def design(self, count: int, seed: int) -> Array:
        """Points of a scrambled Sobol sequence: the same for all methods of a seed."""
        sampler = qmc.Sobol(self.d, scramble=True, rng=np.random.default_rng([seed, 1]))
        return self.from_cube(sampler.random(1 << max(0, count - 1).bit_length())[:count])

    def observe(self, x: Array, seed: int, number: int) -> tuple[Array, Array, Array]:
        """What is seen at ``x`` (d) as evaluation ``number`` of a seed: noisy objectives, slacks; and without noise."""
        truth, slack = (values[0] for values in self.evaluate(x[None, :]))
        noise = np.random.default_rng([seed, 2, number]).standard_normal(len(truth))
        return truth + self.noise_sd * noise, slack, truth

    def best_so_far(self, F: Array, G: Array) -> list[float | None]:
        """Per evaluation the least feasible objective, or minus the hypervolume; None before anything is feasible."""
        feasible = (G >= 0).all(axis=1)
        if self.reference:
            return [-hypervolume(F[: i + 1][feasible[: i + 1]], self.reference) for i in range(len(F))]
        least = np.minimum.accumulate(np.where(feasible, F[:, 0], np.inf))
        return [None if math.isinf(value) else float(value) for value in least]

    @property
    def best_value(self) -> float:
        """The end of a perfect trace: the optimum in the sign of :meth:`best_so_far`."""
        return -self.optimum if self.reference else self.optimum


def hypervolume(F: Array, reference: tuple[float, ...]) -> float:
    """Volume that F (n, m), minimised, dominates up to the reference: slices along the last objective.

    Ours is measured with this loop, small enough to check by eye, and not with ours.
    """
    corner = np.array(reference)
    F = F[(corner > F).all(axis=1)]
    if len(F) == 0:
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - F.min())
    F = F[F[:, -1].argsort(kind="stable")]
    ends = np.append(F[1:, -1], reference[-1])
    return sum(
        (ends[i] - F[i, -1]) * hypervolume(F[: i + 1, :-1], reference[:-1]) for i in range(len(F)) if ends[i] > F[i, -1]
    )


def _free(F: Array) -> tuple[Array, Array]:
    """Objectives without constraints."""
    F = F.reshape(len(F), -1)
    return F, np.empty((len(F), 0))


def branin(x1: Array, x2: Array) -> Array:
    """Dixon and Szego 1978; x1 in [−5, 10], x2 in [0, 15]; three minima of 0.397887."""
    valley = x2 - 5.1 / (4 * math.pi**2) * x1**2 + 5 / math.pi * x1 - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * np.cos(x1) + 10


_ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
_A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
_P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)


def hartmann(X: Array) -> Array:
    """Dixon and Szego 1978, six variables in [0, 1]; least value −3.32237."""
    return -(_ALPHA * np.exp(-(_A * (X[:, None, :] - _P) ** 2).sum(axis=2))).sum(axis=1)


def ackley(X: Array) -> Array:
    """Ackley 1987 with a = 20, b = 0.2, c = 2π; least value 0 at the origin."""
    waves = np.exp(np.cos(2 * math.pi * X).mean(axis=1))
    return 20 + math.e - 20 * np.exp(-0.2 * np.sqrt((X**2).mean(axis=1))) - waves


def welded_beam(X: Array) -> tuple[Array, Array]:
    """Cost of a welded beam under shear, bending, buckling and deflection (Coello Coello and Mezura-Montes 2002).

    BoTorch's multiplies the buckling load by 6 where the paper divides by 6, so that buckling never limits there.
    """
    h, length, t, b = X.T
    load, arm, young, shear = 6000.0, 14.0, 30e6, 12e6
    radius2 = length**2 / 4 + ((h + t) / 2) ** 2
    primary = load / (math.sqrt(2) * h * length)
    polar = 2 * math.sqrt(2) * h * length * (length**2 / 12 + ((h + t) / 2) ** 2)
    torsion = load * (arm + length / 2) * np.sqrt(radius2) / polar
    tau = np.sqrt(primary**2 + primary * torsion * length / np.sqrt(radius2) + torsion**2)
    bending = 6 * load * arm / (b * t**2)
    deflection = 4 * load * arm**3 / (young * t**3 * b)
    slender = 1 - t / (2 * arm) * math.sqrt(young / (4 * shear))
    buckling = 4.013 * young * t * b**3 / (6 * arm**2) * slender
    cost = 1.10471 * h**2 * length + 0.04811 * t * b * (14 + length)
    rest = 0.10471 * h**2 + 0.04811 * t * b * (14 + length)
    slack = [13600 - tau, 30000 - bending, b - h, 5 - rest, 0.25 - deflection, buckling - load]
    return cost[:, None], np.stack(slack, axis=1)


def pressure_vessel(X: Array) -> tuple[Array, Array]:
    """Cost of a pressure vessel (Coello Coello and Mezura-Montes 2002): plates come in sixteenths of an inch.

    The constraints are those of the plates that exist; BoTorch's are of the unrounded thickness, which lets a design
    pay for a thinner plate than its constraints see. The length's bound of 240 never limits below 200.
    """
    shell, head, radius, length = X.T
    cost = (
        0.6224 * shell * radius * length
        + 1.7781 * head * radius**2
        + 3.1661 * shell**2 * length
        + 19.84 * shell**2 * radius
    )
    volume = math.pi * radius**2 * length + 4 / 3 * math.pi * radius**3
    slack = [shell - 0.0193 * radius, head - 0.00954 * radius, volume - 1296000, 240 - length]
    return cost[:, None], np.stack(slack, axis=1)


def vehicle_safety(X: Array) -> tuple[Array, Array]:
    """Mass, acceleration and intrusion of a crash by the response surfaces of Liao et al. 2008 (RE3-5-4)."""
    a, b, c, d, e = X.T
    mass = 1640.2823 + 2.3573285 * a + 2.3220035 * b + 4.5688768 * c + 7.7213633 * d + 4.4559504 * e
    acceleration = 6.5856 + 1.15 * a - 1.0427 * b + 0.9738 * c + 0.8364 * d - 0.3695 * a * d + 0.0861 * a * e
    acceleration += 0.3628 * b * d - 0.1106 * a**2 - 0.3437 * c**2 + 0.1764 * d**2
    intrusion = -0.0551 + 0.0181 * a + 0.1024 * b + 0.0421 * c - 0.0073 * a * b + 0.024 * b * c - 0.0118 * b * d
    intrusion += -0.0204 * c * d - 0.008 * c * e - 0.0241 * b**2 + 0.0109 * d**2
    return _free(np.stack([mass, acceleration, intrusion], axis=1))


def branin_currin(X: Array) -> tuple[Array, Array]:
    """Branin beside Currin et al. 1991 on the unit square, inside the disk of Gelbart et al. 2014."""
    u, v = X.T
    with np.errstate(divide="ignore"):
        decay = 1 - np.exp(-1 / (2 * v))
    currin = decay * (2300 * u**3 + 1900 * u**2 + 2092 * u + 60) / (100 * u**3 + 500 * u**2 + 4 * u + 20)
    x1, x2 = 15 * u - 5, 15 * v
    return np.stack([branin(x1, x2), currin], axis=1), (50 - (x1 - 2.5) ** 2 - (x2 - 7.5) ** 2)[:, None]


def _suzuki() -> Problem:
    """Yield of a Suzuki coupling over ligand and three numbers, replayed from 89 measured runs."""
    with (DATA / "suzuki_i.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    ligands = tuple(sorted({row["ligand"] for row in rows}))
    numbers = ("res_time", "temperature", "catalyst_loading")
    table = np.array([[ligands.index(row["ligand"]), *(float(row[name]) for name in numbers)] for row in rows])
    # Rows of equal settings are runs of their own: a shift that nothing else sees tells them apart.
    for i in range(len(table)):
        table[i, 3] += 1e-9 * (table[:i].round(6) == table[i]).all(axis=1).sum()
    loss = -np.array([float(row["yield"]) for row in rows])

    def evaluate(X: Array) -> tuple[Array, Array]:
        return _free(loss[[int((table == x).all(axis=1).argmax()) for x in X]])

    ranges = {"res_time": (60.0, 600.0), "temperature": (30.0, 110.0), "catalyst_loading": (0.498, 2.516)}
    variables = (
        Variable("ligand", 0, len(ligands) - 1, categories=ligands),
        *(Variable(name, *ranges[name]) for name in numbers),
    )
    source = "Reizman et al. 2016 through Olympus (data/SOURCE.md): minus the yield in percent"
    return Problem("reactions-suzuki", source, variables, evaluate, float(loss.min()), 40, table=table)


def problems() -> dict[str, Problem]:
    """All problems by name."""
    plate = [Variable(name, 0.0625, 6.1875, step=0.0625) for name in ("shell", "head")]
    every = [
        Problem(
            "branin",
            "Dixon and Szego 1978",
            continuous((-5, 10), (0, 15)),
            lambda X: _free(branin(*X.T)),
            0.397887357729739,
            30,
        ),
        Problem(
            "hartmann-6",
            "Dixon and Szego 1978",
            continuous(*[(0, 1)] * 6),
            lambda X: _free(hartmann(X)),
            -3.322368011391339,
            60,
        ),
        Problem(
            "noisy-ackley-10",
            "Ackley 1987 on [−5, 10] as Eriksson et al. 2019, with noise",
            continuous(*[(-5, 10)] * 10),
            lambda X: _free(ackley(X)),
            0.0,
            80,
            noise_sd=0.5,
        ),
        Problem(
            "welded-beam",
            "Coello Coello and Mezura-Montes 2002",
            continuous((0.125, 10), (0.1, 10), (0.1, 10), (0.1, 10)),
            welded_beam,
            1.724852308597,
            60,
        ),
        Problem(
            "pressure-vessel",
            "Coello Coello and Mezura-Montes 2002",
            (*plate, Variable("radius", 10, 50), Variable("length", 150, 200)),
            pressure_vessel,
            6059.714335048,
            50,
        ),
        Problem(
            "vehicle-safety",
            # 246.97 by 12,700 points of a random search of ours; BoTorch has 246.816 from an approximate front
            "Liao et al. 2008; reference of BoTorch, 1.1 times the nadir of Tanabe and Ishibuchi 2020",
            continuous(*[(1, 3)] * 5),
            vehicle_safety,
            247.0,
            40,
            reference=(1864.72022, 11.81993945, 0.2903999384),
        ),
        Problem(
            "constrained-branin-currin",
            "Currin et al. 1991, Gelbart et al. 2014; reference of BoTorch, volume of a grid of 1501²",
            continuous((0, 1), (0, 1)),
            branin_currin,
            608.555,
            40,
            reference=(80.0, 12.0),
        ),
        _suzuki(),
    ]
    return {problem.name: problem for problem in every}
