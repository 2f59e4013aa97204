"""Published relations of turning, in the units that machinists use: m/min, mm/rev, mm, um, N, kW, min.

All functions take numbers or arrays. Sources:

- M. C. Shaw, *Metal Cutting Principles*, 2nd ed., Oxford 2005: ideal roughness, built-up edge.
- K. Brammertz, Die Entstehung der Oberflächenrauheit beim Feindrehen, *Industrie-Anzeiger* 83 (1961): the part that a
  minimum chip thickness leaves.
- O. Kienzle, Die Bestimmung von Kräften und Leistungen an spanenden Werkzeugmaschinen, *VDI-Z* 94 (1952): specific
  cutting force.
- F. W. Taylor, On the art of cutting metals, *Trans. ASME* 28 (1907), with feed and depth as in ISO 3685.
- Y. Altintas, *Manufacturing Automation*, 2nd ed., Cambridge 2012: deflection of a shaft between chuck and centre.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = [
    "built_up_edge_roughness",
    "cutting_force",
    "cutting_power",
    "cutting_time",
    "flank_wear",
    "kinematic_roughness",
    "life_of_wear",
    "shaft_compliance",
    "spindle_speed",
    "tool_life",
]

#: Ra over height of a row of equal parabolas: f²/(18·√3·r) over f²/(8·r).
_RA_OF_HEIGHT = 4.0 / (9.0 * math.sqrt(3.0))


def kinematic_roughness(feed: ArrayLike, nose_radius: float, least_chip: ArrayLike = 0.0) -> Array:
    """Ra (um) that a nose of ``nose_radius`` (mm) leaves at ``feed`` (mm/rev).

    Without a least chip thickness it is f²/(18·√3·r) (Shaw). Material thinner than ``least_chip`` (um) is pressed
    away instead of cut; Brammertz adds h/2·(1 + r·h/f²) to the height, so that very small feeds are rough again.
    """
    f = np.asarray(feed, dtype=np.float64)
    h = np.asarray(least_chip, dtype=np.float64) / 1000.0
    height = f**2 / (8.0 * nose_radius) + 0.5 * h * (1.0 + nose_radius * h / f**2)
    out: Array = 1000.0 * _RA_OF_HEIGHT * height
    return out


def built_up_edge_roughness(speed: ArrayLike, amplitude: float, decay: float = 80.0) -> Array:
    """Ra (um) that fragments of a built-up edge add: ``amplitude`` at 100 m/min, dying out with speed (Shaw)."""
    out: Array = amplitude * np.exp(-(np.asarray(speed, dtype=np.float64) - 100.0) / decay)
    return out


def cutting_force(
    feed: ArrayLike, depth: ArrayLike, specific_force: ArrayLike, exponent: float, cutting_edge_angle: float = 95.0
) -> Array:
    """Cutting force (N) after Kienzle: b·h·k, k = k_c1.1·h^(−m_c), h = f·sin κ, b = a/sin κ.

    ``specific_force`` is k_c1.1 (N/mm²), ``exponent`` m_c, ``cutting_edge_angle`` κ (degrees).
    """
    sine = math.sin(math.radians(cutting_edge_angle))
    h = np.asarray(feed, dtype=np.float64) * sine
    b = np.asarray(depth, dtype=np.float64) / sine
    out: Array = np.asarray(specific_force, dtype=np.float64) * b * h ** (1.0 - exponent)
    return out


def cutting_power(force: ArrayLike, speed: ArrayLike) -> Array:
    """Cutting power (kW) of a force (N) at a cutting speed (m/min): P = F·v."""
    out: Array = np.asarray(force, dtype=np.float64) * np.asarray(speed, dtype=np.float64) / 60_000.0
    return out


def tool_life(
    speed: ArrayLike,
    feed: ArrayLike,
    depth: ArrayLike,
    *,
    reference: tuple[float, float, float, float],
    exponents: tuple[float, float, float],
) -> Array:
    """Life of an edge (min) by Taylor's extended equation.

    ``reference`` is a life (min) and the speed, feed and depth it was found at; ``exponents`` are those of the three.
    """
    life, v0, f0, a0 = reference
    p, q, r = exponents
    v, f, a = (np.asarray(value, dtype=np.float64) for value in (speed, feed, depth))
    out: Array = life * (v / v0) ** -p * (f / f0) ** -q * (a / a0) ** -r
    return out


def flank_wear(life_used: ArrayLike, end_of_life: float) -> Array:
    """Width of flank wear VB (mm) of an edge that has used a part of its life: a quick start, then steady (ISO 3685).

    Parts of lives at different settings add up.
    """
    u = np.asarray(life_used, dtype=np.float64)
    out: Array = end_of_life * (0.15 * (1.0 - np.exp(-u / 0.05)) + 0.85 * u)
    return out


def life_of_wear(wear: float, end_of_life: float) -> float:
    """Part of its life that an edge with this flank wear (mm) has used: the inverse of :func:`flank_wear`."""
    low, high = 0.0, 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(flank_wear(middle, end_of_life)) < wear else (low, middle)
    return low


def cutting_time(speed: ArrayLike, feed: ArrayLike, diameter: ArrayLike, length: float) -> Array:
    """Time of one cut (min) along ``length`` (mm) of a shaft of ``diameter`` (mm): π·D·L/(1000·v·f)."""
    d, v, f = (np.asarray(value, dtype=np.float64) for value in (diameter, speed, feed))
    out: Array = math.pi * d * length / (1000.0 * v * f)
    return out


def spindle_speed(speed: ArrayLike, diameter: ArrayLike) -> Array:
    """Spindle speed (rev/min): 1000·v/(π·D)."""
    out: Array = 1000.0 * np.asarray(speed, dtype=np.float64) / (math.pi * np.asarray(diameter, dtype=np.float64))
    return out


def shaft_compliance(
    diameter: ArrayLike, place: ArrayLike, *, length: float, chuck: float, centre: ArrayLike, modulus: float = 205_000.0
) -> Array:
    """Compliance (um/N) of a shaft at ``place`` (0 at the chuck, 1 at the live centre).

    A beam clamped in the chuck and simply supported by the centre, plus the springs of both ends (``chuck``,
    ``centre`` in N/um), as in Altintas; ``length`` mm, ``modulus`` N/mm².
    """
    d, x = np.asarray(diameter, dtype=np.float64), np.asarray(place, dtype=np.float64)
    inertia = math.pi * d**4 / 64.0
    # Load at x·L on a beam clamped at 0 and supported at L: x³·(1 − x)²·(4 − x)·L³/(12·E·I), 7·L³/(768·E·I) at 1/2.
    beam = 1000.0 * length**3 * x**3 * (1.0 - x) ** 2 * (4.0 - x) / (12.0 * modulus * inertia)
    out: Array = beam + (1.0 - x) ** 2 / chuck + x**2 / np.asarray(centre, dtype=np.float64)
    return out
