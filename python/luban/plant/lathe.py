"""A simulated lathe for slender shafts of free-cutting steel: published relations plus noise, wear and drift.

It is a simulator, not a model of one real machine: constants lie within published ranges and give roughness of the
size of the packaged turning data (1 to 5 um); they were not fitted to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from luban.errors import ConfigurationError
from luban.plant import cutting

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["DIAMETERS", "POSITIONS", "TOOL_WEAR", "Drift", "Lathe", "LatheConstants", "LatheNoise", "Shafts"]

#: Shafts that the lathe is given, mm.
DIAMETERS = {"D30": 30.0, "D50": 50.0}
#: Where roughness is read, as a part of the length.
POSITIONS = {"Chuck": 0.08, "Middle": 0.5, "Live centre": 0.94}
#: Flank wear (mm) that stands for a category when nothing else is known.
TOOL_WEAR = {"New": 0.08, "Worn": 0.25}

_PLACES = np.array(list(POSITIONS.values()))


@dataclass(frozen=True)
class LatheConstants:
    """Constants of material, tool and machine; where they come from stands beside them."""

    nose_radius: float = 0.4  # mm, the smallest common finishing nose (ISO 1832: 04)
    specific_force: float = 1350.0  # N/mm², k_c1.1 of low-carbon free-cutting steel: 1200 to 1500 in tables
    force_exponent: float = 0.21  # m_c: 0.18 to 0.25
    thrust_ratio: float = 0.45  # passive over cutting force of a sharp edge: 0.3 to 0.6
    wear_thrust: float = 300.0  # N per mm of flank wear and mm of depth: worn edges double the passive force
    least_chip: float = 2.0  # um, about a third of the edge radius of a fresh carbide insert (5 to 10 um)
    least_chip_wear: float = 20.0  # um per mm of flank wear: the edge rounds off
    built_up_edge: float = 0.9  # um Ra at 100 m/min
    life: tuple[float, float, float, float] = (20.0, 280.0, 0.1, 0.95)  # min, at m/min, mm/rev, mm
    life_exponents: tuple[float, float, float] = (4.0, 1.5, 0.5)  # 1/n with n = 0.25 for carbide; feed; depth
    worn_out: float = 0.3  # mm, the criterion of ISO 3685
    counts_as_worn: float = 0.15  # mm, from here the tool is called Worn
    cut_length: float = 200.0  # mm
    free_length: float = 300.0  # mm between chuck and centre
    chuck_stiffness: float = 60.0  # N/um
    centre_stiffness: float = 7.0  # N/um for D30; grows with the cube of the diameter, as the centre hole does
    vibration_share: float = 0.07  # of the static deflection that shows as Ra
    imbalance: float = 0.25  # part that is added to it at 3000 rev/min, with the square of the spindle speed


@dataclass(frozen=True)
class LatheNoise:
    """Scatter on two levels, as relative standard deviations, and gross typing errors (off)."""

    between_shafts: float = 0.07
    within_shaft: float = 0.10
    per_measure: float = 0.05  # of Rz, Rq, Rt over Ra
    gross_error_rate: float = 0.0  # part of the roughness readings with the decimal point one place off


@dataclass(frozen=True)
class Drift:
    """A slow or sudden change of the world.

    ``hardness``: force, wear and built-up edge grow by ``size`` (0.3 = 30 %). ``imbalance``: ``size`` is added to what
    the spindle's imbalance does at 3000 rev/min. It begins at shaft ``start`` and, as a ramp, takes ``length`` shafts.
    """

    quantity: Literal["hardness", "imbalance"]
    size: float
    start: int = 0
    shape: Literal["step", "ramp"] = "step"
    length: int = 1

    def at(self, number: ArrayLike) -> Array:
        """Return the change at a shaft."""
        shafts = np.asarray(number, dtype=np.float64) - self.start
        risen = (shafts >= 0).astype(float) if self.shape == "step" else np.clip(shafts / max(self.length, 1), 0.0, 1.0)
        out: Array = self.size * risen
        return out


@dataclass(frozen=True)
class Shafts:
    """Readings of n turned shafts: ``responses`` by name (n, r), the ``position`` of each reading, power, life used."""

    responses: Mapping[str, Array]  # um; (n, r)
    position: Sequence[str]  # (r,)
    power: Array  # kW; (n,)
    life_used: Array  # of the edge by this cut; (n,)


@dataclass(frozen=True)
class Lathe:
    """The lathe itself: no state, so that one shaft does not depend on when it is asked for.

    Shaft ``number`` with seed ``seed`` always has the same noise (Philox, keyed by both).
    """

    seed: int = 0
    constants: LatheConstants = field(default_factory=LatheConstants)
    noise: LatheNoise = field(default_factory=LatheNoise)
    drifts: tuple[Drift, ...] = ()
    readings_per_position: int = 12

    def __post_init__(self) -> None:
        if self.seed < 0 or self.readings_per_position < 1:
            raise ConfigurationError(
                where="plant.Lathe",
                expected="a seed that is not negative and at least one reading per position",
                received=f"seed {self.seed}, {self.readings_per_position} readings",
            )

    def expected_roughness(
        self,
        cutting_speed: ArrayLike,
        feed: ArrayLike,
        depth_of_cut: ArrayLike,
        *,
        diameter: ArrayLike,
        flank_wear: ArrayLike,
        number: ArrayLike = 0,
    ) -> Array:
        """Ra without noise (um) at the three positions (…, 3); diameter and flank wear in mm, others as in the file."""
        c = self.constants
        v, f, a, d, wear, shaft = np.broadcast_arrays(cutting_speed, feed, depth_of_cut, diameter, flank_wear, number)
        harder, imbalance = 1.0 + self._drift("hardness", shaft), c.imbalance + self._drift("imbalance", shaft)
        kinematic = cutting.kinematic_roughness(f, c.nose_radius, c.least_chip + c.least_chip_wear * wear)
        edge = cutting.built_up_edge_roughness(v, c.built_up_edge) * harder**3
        thrust = c.thrust_ratio * self._force(f, a, harder) + c.wear_thrust * harder * wear * a
        shaking = 1.0 + imbalance * (cutting.spindle_speed(v, d) / 3000.0) ** 2
        compliance = cutting.shaft_compliance(
            d[..., None],
            _PLACES,
            length=c.free_length,
            chuck=c.chuck_stiffness,
            centre=(c.centre_stiffness * (d / 30.0) ** 3)[..., None],
        )
        vibration = c.vibration_share * (thrust * shaking)[..., None] * compliance
        out: Array = (kinematic + edge)[..., None] + vibration
        return out

    def _force(self, feed: Array, depth: Array, harder: ArrayLike) -> Array:
        c = self.constants
        return cutting.cutting_force(feed, depth, c.specific_force * np.asarray(harder), c.force_exponent)

    def _drift(self, quantity: str, number: Array) -> Array:
        changes = [drift.at(number) for drift in self.drifts if drift.quantity == quantity]
        return np.asarray(sum(changes, np.zeros(np.shape(number))), dtype=np.float64)

    def life_used(
        self, cutting_speed: ArrayLike, feed: ArrayLike, depth_of_cut: ArrayLike, diameter: ArrayLike, number: ArrayLike
    ) -> Array:
        """Part of an edge's life that one shaft takes; harder material wears with the third power."""
        c = self.constants
        life = cutting.tool_life(
            cutting_speed, feed, depth_of_cut, reference=c.life, exponents=c.life_exponents
        ) / (1.0 + self._drift("hardness", np.asarray(number))) ** 3  # fmt: skip
        out: Array = cutting.cutting_time(cutting_speed, feed, diameter, c.cut_length) / life
        return out

    def run_shafts(
        self,
        settings: Mapping[str, ArrayLike],
        *,
        diameter: ArrayLike,
        flank_wear: ArrayLike,
        number: ArrayLike,
    ) -> Shafts:
        """Turn n shafts: settings (n,) in m/min, mm/rev, mm; diameter and flank wear (mm) and shaft number (n,)."""
        v, f, a, d, wear, shaft = np.broadcast_arrays(
            *(np.atleast_1d(settings[name]) for name in ("cutting_speed", "feed", "depth_of_cut")),
            diameter, flank_wear, number,
        )  # fmt: skip
        mean = self.expected_roughness(v, f, a, diameter=d, flank_wear=wear, number=shaft)
        ra_mean = np.repeat(mean, self.readings_per_position, axis=1)
        noise = _Draws(self, [int(value) for value in shaft], ra_mean.shape[1])
        ra = ra_mean * noise.factor(self.noise.between_shafts, self.noise.within_shaft)
        responses = {"roughness": ra}
        for column, (name, ratio) in enumerate(_RATIOS.items()):
            responses[name] = ra * ratio * noise.measure(column, self.noise.per_measure)
        spacing = np.broadcast_to(1000.0 * f[:, None], ra.shape)
        responses["mean_spacing"] = spacing * noise.measure(len(_RATIOS), self.noise.per_measure)
        responses["roughness"] = np.where(noise.slipped(self.noise.gross_error_rate), ra * 10.0, ra)
        force = self._force(f, a, 1.0 + self._drift("hardness", shaft))
        position = [name for name in POSITIONS for _ in range(self.readings_per_position)]
        life = self.life_used(v, f, a, d, shaft)
        return Shafts(responses, position, cutting.cutting_power(force, v), life)

    def run_shaft(
        self,
        settings: Mapping[str, float],
        context: Mapping[str, str],
        *,
        number: int = 0,
        flank_wear: float | None = None,
    ) -> Shafts:
        """Turn one shaft: settings by name, context ``diameter`` and ``tool_wear`` by category; 36 readings by default.

        ``flank_wear`` (mm) overrides what the category stands for.

        Raises: ConfigurationError for a category that the lathe does not know.
        """
        for name, known in (("diameter", DIAMETERS), ("tool_wear", TOOL_WEAR)):
            if context.get(name) not in known:
                raise ConfigurationError(
                    where="plant.Lathe.run_shaft",
                    expected=f"{name} among {', '.join(known)}",
                    received=repr(context.get(name)),
                )
        wear = TOOL_WEAR[context["tool_wear"]] if flank_wear is None else flank_wear
        return self.run_shafts(settings, diameter=DIAMETERS[context["diameter"]], flank_wear=wear, number=number)


#: Other measures of roughness over Ra, as they usually are for turned surfaces.
_RATIOS = {"peak_to_valley": 4.9, "root_mean_square": 1.21, "total_height": 5.9}


class _Draws:
    """Standard normal draws of n shafts, each from its own stream."""

    def __init__(self, lathe: Lathe, numbers: Sequence[int], readings: int) -> None:
        measures = len(_RATIOS) + 1
        size = 1 + readings * (1 + measures)
        rows = [np.random.Generator(np.random.Philox(key=[lathe.seed, number])) for number in numbers]
        normal = np.array([row.standard_normal(size) for row in rows]).reshape(len(numbers), size)
        self._between, self._within = normal[:, :1], normal[:, 1 : 1 + readings]
        self._measures = normal[:, 1 + readings :].reshape(len(numbers), measures, readings)
        self._rows, self._readings = rows, readings

    def factor(self, between: float, within: float) -> Array:
        out: Array = np.exp(between * self._between + within * self._within)
        return out

    def measure(self, column: int, relative: float) -> Array:
        out: Array = np.exp(relative * self._measures[:, column])
        return out

    def slipped(self, rate: float) -> NDArray[np.bool_]:
        if rate <= 0:
            return np.zeros((len(self._rows), self._readings), dtype=bool)
        return np.array([row.random(self._readings) < rate for row in self._rows])
