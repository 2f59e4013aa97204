"""Tables of several industries, made here: what a careful person would see in each, the draft must see too.

Each table states the true role and unit of every column, the columns whose guess must be marked as doubtful, and groups
and runs where the table shows them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from luban import ingest
from luban.history import History

WriteCsv = Callable[..., Path]

ROLES = {"p": "parameter", "c": "context", "n": "noise", "i": "identifier", "r": "response", "x": "auxiliary",
         "k": "constant", "t": "time", "#": "repeat"}  # fmt: skip


@dataclass
class Case:
    frame: pd.DataFrame
    truth: dict[str, tuple[str, str]]  # header: letter of its role, unit
    doubtful: set[str] = field(default_factory=set)
    groups: list[str] = field(default_factory=list)  # headers
    runs: int = 0
    delimiter: str = ","
    decimal: str = "."


def noisy(random: np.random.Generator, values: object, spread: float, digits: int) -> object:
    base = np.asarray(values, dtype=float)
    return np.round(base + spread * random.standard_normal(base.shape), digits)


def injection_moulding() -> Case:
    """Historian tags, set and actual values of the same quantity, decimal commas, German headers."""
    random = np.random.default_rng(1)
    n = 160
    melt, hold = random.choice([215.0, 225, 235], n), random.choice([380.0, 420, 460, 500], n)
    frame = pd.DataFrame(
        {
            "Datum": pd.date_range("2025-03-01", periods=n, freq="17min").strftime("%d.%m.%Y %H:%M"),
            "Auftrag Nr": np.repeat(np.arange(4401, 4411), n // 10),
            "Massetemperatur soll [°C]": melt,
            "Nachdruck [bar]": hold,
            "Kühlzeit [s]": random.choice([12.0, 15, 18], n),
            "Massetemperatur ist [°C]": noisy(random, melt, 1.3, 2),
            "Luftfeuchte [%]": noisy(random, 48 + 0 * melt, 6, 1),
            "Teilegewicht [g]": noisy(random, 20 + hold / 100, 0.05, 3),
            "Ausschuss [%]": np.abs(noisy(random, 2 + 0 * melt, 1, 2)),
        }
    )
    truth = {
        "Datum": ("t", ""), "Auftrag Nr": ("i", ""), "Massetemperatur soll [°C]": ("p", "degC"),
        "Nachdruck [bar]": ("p", "bar"), "Kühlzeit [s]": ("p", "s"), "Massetemperatur ist [°C]": ("r", "degC"),
        "Luftfeuchte [%]": ("c", "%"), "Teilegewicht [g]": ("r", "g"), "Ausschuss [%]": ("r", "%"),
    }  # fmt: skip
    return Case(frame, truth, groups=["Massetemperatur soll [°C]", "Nachdruck [bar]", "Kühlzeit [s]"], delimiter=";",
                decimal=",")  # fmt: skip


def powder_bed() -> Case:
    """Words of results in names of settings, compound suffixes, sources, an energy density made of the settings."""
    random = np.random.default_rng(2)
    n = 240
    power = random.choice(np.arange(80.0, 400, 10), n)
    speed = random.choice(np.arange(200.0, 1800, 50), n)
    hatch, layer = random.choice([0.06, 0.08, 0.1, 0.12], n), random.choice([0.03, 0.04, 0.05], n)
    energy = power / (speed * hatch * layer)
    frame = pd.DataFrame(
        {
            "paper_doi": [f"10.9999/made-up.{i}" for i in np.sort(random.integers(0, 24, n))],
            "alloy": random.choice(["A1", "B2", "C3"], n),
            "laser_power_W": power,
            "scan_speed_mm_s": speed,
            "hatch_mm": hatch,
            "layer_mm": layer,
            "VED_J_mm3": energy.round(2),
            "powder_D50_um": random.choice([28.5, 33.1, 41.0], n),
            "porosity_pct": np.abs(noisy(random, 100 / (energy + 20), 0.3, 3)),
        }
    )
    truth = {
        "paper_doi": ("i", ""), "alloy": ("c", ""), "laser_power_W": ("p", "W"), "scan_speed_mm_s": ("p", "mm/s"),
        "hatch_mm": ("p", "mm"), "layer_mm": ("p", "mm"), "VED_J_mm3": ("x", "J/mm3"), "powder_D50_um": ("c", "um"),
        "porosity_pct": ("r", "%"),
    }  # fmt: skip
    return Case(frame, truth, doubtful={"VED_J_mm3"}, groups=["paper_doi"])


def flow_chemistry() -> Case:
    """A category that is picked, settings with jitter, a result of a result."""
    random = np.random.default_rng(3)
    n = 96
    loading = noisy(random, random.choice([0.5, 1, 2], n), 0.004, 3)
    found = np.clip(noisy(random, 50 + 10 * loading, 15, 1), 1, 99)
    frame = pd.DataFrame(
        {
            "Exp": np.arange(1, n + 1),
            "solvent": random.choice(["DMF", "THF", "MeCN"], n),
            "residence time (min)": random.choice([2.0, 5, 10, 20], n),
            "T_C": random.choice([40.0, 60, 80, 100], n),
            "catalyst_mol_pct": loading,
            "Yield (%)": found,
            "TON": np.round(100 * found / loading, -1),
        }
    )
    truth = {
        "Exp": ("i", ""), "solvent": ("p", ""), "residence time (min)": ("p", "min"), "T_C": ("p", "degC"),
        "catalyst_mol_pct": ("p", "%"), "Yield (%)": ("r", "%"), "TON": ("x", ""),
    }  # fmt: skip
    return Case(frame, truth, doubtful={"solvent", "TON"}, groups=[])


def mixing_plant() -> Case:
    """A mixture in percent, many recipes that come back, a density after the result."""
    random = np.random.default_rng(4)
    recipes = random.dirichlet([4, 3, 2], 30).round(3) * 100
    part = np.repeat(recipes, 4, axis=0)
    n = len(part)
    frame = pd.DataFrame(
        {
            "resin content (%)": part[:, 0].round(1),
            "filler content (%)": part[:, 1].round(1),
            "fibre content (%)": (100 - part[:, 0].round(1) - part[:, 1].round(1)).round(1),
            "supplier": random.choice(["north", "south"], n),
            "tensile_strength_MPa": noisy(random, 60 + part[:, 2], 2, 2),
            "density_g_cm3": noisy(random, 1.2 + 0.004 * part[:, 1], 0.01, 4),
        }
    )
    truth = {
        "resin content (%)": ("p", "%"), "filler content (%)": ("p", "%"), "fibre content (%)": ("p", "%"),
        "supplier": ("c", ""), "tensile_strength_MPa": ("r", "MPa"), "density_g_cm3": ("r", "g/cm3"),
    }  # fmt: skip
    parts = ["resin content (%)", "filler content (%)", "fibre content (%)"]
    return Case(frame, truth, groups=parts)


def rolling_mill() -> Case:
    """Several readings of each coil; the coil decides the settings; a thickness that varies within it."""
    random = np.random.default_rng(5)
    coils, readings = 40, 6
    speed, force = random.choice([4.0, 5, 6, 7], coils), random.choice([8.0, 9, 10, 11, 12], coils)
    n = coils * readings
    frame = pd.DataFrame(
        {
            "Coil ID": np.repeat([f"C{7000 + i}" for i in range(coils)], readings),
            "line_speed_m_s": np.repeat(speed, readings),
            "roll_force_MN": np.repeat(force, readings),
            "shift": np.repeat(random.choice([1, 2, 3], coils), readings),
            "thickness_um": noisy(random, np.repeat(420 - 5 * force, readings), 2, 0).astype(int),
            "motor_power_kW": noisy(random, np.repeat(30 * speed, readings), 2, 1),
        }
    )
    truth = {
        "Coil ID": ("i", ""), "line_speed_m_s": ("p", "m/s"), "roll_force_MN": ("p", "MN"), "shift": ("c", ""),
        "thickness_um": ("r", "um"), "motor_power_kW": ("r", "kW"),
    }  # fmt: skip
    groups = ["line_speed_m_s", "roll_force_MN"]
    assert n == len(frame)
    return Case(frame, truth, doubtful={"Coil ID"}, groups=groups, runs=coils)


def energy_log() -> Case:
    """A meter: nothing is set; the clock gives two columns, the usage a third one."""
    random = np.random.default_rng(6)
    time = pd.date_range("2025-01-06", periods=24 * 28, freq="h")
    usage = np.abs(noisy(random, 40 + 25 * np.sin(time.hour.to_numpy() / 4), 8, 2))
    frame = pd.DataFrame(
        {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M"),
            "usage_kWh": usage,
            "co2_kg": (0.4 * usage).round(1),
            "reactive_kvarh": np.abs(noisy(random, 0.3 * usage, 2, 2)),
            "seconds_of_day": time.hour * 3600,
            "weekday": time.day_name(),
            "outdoor_temp_C": noisy(random, 4 + 0 * usage, 5, 1),
        }
    )
    truth = {
        "timestamp": ("t", ""), "usage_kWh": ("r", "kWh"), "co2_kg": ("x", "kg"), "reactive_kvarh": ("r", "kVA*h"),
        "seconds_of_day": ("c", ""), "weekday": ("c", ""), "outdoor_temp_C": ("c", "degC"),
    }  # fmt: skip
    return Case(frame, truth, doubtful={"co2_kg", "reactive_kvarh"})


def inspection() -> Case:
    """Two outcomes in classes, one in words and one as 0 and 1; codes of machines as numbers; a scale for a unit."""
    random = np.random.default_rng(7)
    n = 120
    feed = random.choice([0.05, 0.1, 0.15, 0.2], n)
    frame = pd.DataFrame(
        {
            "part no": np.arange(5001, 5001 + n),
            "machine": random.choice([1, 2, 3], n),
            "spindle_speed_rpm": random.choice([800, 1000, 1200], n),
            "feed mm/rev": feed,
            "coolant": random.choice(["dry", "flood"], n),
            "hardness [HV]": noisy(random, 610 + 0 * feed, 9, 0).astype(int),
            "Ra [µm]": np.abs(noisy(random, 12 * feed, 0.2, 3)),
            "passed": (random.random(n) < 0.8).astype(int),
            "visual inspection": random.choice(["OK", "NOK"], n),
        }
    )
    truth = {
        "part no": ("i", ""), "machine": ("c", ""), "spindle_speed_rpm": ("p", "rpm"), "feed mm/rev": ("p", "mm/rev"),
        "coolant": ("p", ""), "hardness [HV]": ("r", ""), "Ra [µm]": ("r", "um"), "passed": ("r", ""),
        "visual inspection": ("x", ""),
    }  # fmt: skip
    return Case(frame, truth, doubtful={"coolant", "passed", "visual inspection"},
                groups=["spindle_speed_rpm", "feed mm/rev", "coolant"])  # fmt: skip


def reactor_tags() -> Case:
    """Tags of a control system: .SP is set, .PV is measured; a lot that settings do not follow."""
    random = np.random.default_rng(8)
    n = 180
    set_ = random.choice([120.0, 130, 140, 150], n)
    frame = pd.DataFrame(
        {
            "Lot": np.repeat([f"L{i:03d}" for i in range(15)], n // 15),
            "TIC-101.SP": set_,
            "TIC-101.PV": noisy(random, set_, 0.4, 3),
            "FIC-7.SP": random.choice([2.0, 2.5, 3.0], n),
            "pressure [barg]": random.choice([1.0, 1.5, 2.0], n),
            "O2_ppm": np.abs(noisy(random, 40 + 0 * set_, 9, 2)),
            "viscosity_mPa_s": noisy(random, 900 - 3 * set_, 6, 1),
            "purity_pct": np.minimum(noisy(random, 97 + 0.01 * set_, 0.4, 2), 100),
        }
    )
    truth = {
        "Lot": ("i", ""), "TIC-101.SP": ("p", ""), "TIC-101.PV": ("n", ""), "FIC-7.SP": ("p", ""),
        "pressure [barg]": ("p", "bar"), "O2_ppm": ("r", "ppm"), "viscosity_mPa_s": ("r", "mPa*s"),
        "purity_pct": ("r", "%"),
    }  # fmt: skip
    return Case(frame, truth, doubtful={"TIC-101.PV", "pressure [barg]"}, groups=["Lot"])


def chinese_press() -> Case:
    """Chinese headers with full-width parentheses, repeats with a number."""
    random = np.random.default_rng(9)
    runs, readings = 48, 3
    temperature, pressure = random.choice([160.0, 170, 180], runs), random.choice([5.0, 7.5, 10], runs)
    frame = pd.DataFrame(
        {
            "序号": np.repeat(np.arange(1, runs + 1), readings),
            "温度（℃）": np.repeat(temperature, readings),
            "压力_MPa": np.repeat(pressure, readings),
            "环境湿度(%)": np.repeat(noisy(random, 55 + 0 * temperature, 4, 1), readings),
            "重复": np.tile(np.arange(1, readings + 1), runs),
            "强度(MPa)": noisy(random, np.repeat(0.2 * temperature, readings), 1, 2),
            "厚度[mm]": noisy(random, np.repeat(4 - 0.1 * pressure, readings), 0.02, 3),
        }
    )
    truth = {
        "序号": ("i", ""), "温度（℃）": ("p", "degC"), "压力_MPa": ("p", "MPa"), "环境湿度(%)": ("c", "%"),
        "重复": ("#", ""), "强度(MPa)": ("r", "MPa"), "厚度[mm]": ("r", "mm"),
    }  # fmt: skip
    return Case(frame, truth, groups=["温度（℃）", "压力_MPa"], runs=runs)


def coating_log() -> Case:
    """Letters that may be units, a minimum that is no minute, bad cells, names that a history keeps for itself."""
    random = np.random.default_rng(10)
    n = 150
    thick = noisy(random, 8 + 0 * np.arange(n), 0.5, 2).astype(object)
    thick[[4, 90]] = "n/a"
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2025-05-01", periods=n, freq="20min").strftime("%Y-%m-%d %H:%M:%S"),
            "source": random.choice(["web", "pilot"], n),
            "flow_l_min": random.choice([1.5, 2.0, 2.5], n),
            "gas_K": random.choice([3.0, 4, 5], n),
            "web_speed_m_min": random.choice([10.0, 20, 30, 40], n),
            "oven_temp_degC": random.choice([90.0, 110, 130], n),
            "temp [C]": random.choice([20.0, 21, 22], n),
            "gloss_min": noisy(random, 70 + 0 * np.arange(n), 3, 2),
            "film_thickness_um": thick,
            "energy_kWh": np.abs(noisy(random, 12 + 0 * np.arange(n), 1, 3)),
        }
    )
    truth = {
        "time": ("t", ""), "source": ("i", ""), "flow_l_min": ("p", "l/min"), "gas_K": ("p", ""),
        "web_speed_m_min": ("p", "m/min"), "oven_temp_degC": ("p", "degC"), "temp [C]": ("p", "degC"),
        "gloss_min": ("r", ""), "film_thickness_um": ("r", "um"), "energy_kWh": ("r", "kWh"),
    }  # fmt: skip
    return Case(frame, truth, doubtful={"gas_K", "gloss_min", "film_thickness_um"},
                groups=["flow_l_min", "gas_K", "web_speed_m_min", "oven_temp_degC", "temp [C]"])  # fmt: skip


CASES = [injection_moulding, powder_bed, flow_chemistry, mixing_plant, rolling_mill, energy_log, inspection,
         reactor_tags, chinese_press, coating_log]  # fmt: skip


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_a_table_is_seen_as_a_careful_person_sees_it(make: Callable[[], Case], write_csv: WriteCsv) -> None:
    case = make()
    text = case.frame.to_csv(index=False, sep=case.delimiter, decimal=case.decimal)
    path = write_csv(text)
    draft = ingest.new_process(path)
    seen = {row.header: (row.role, row.unit) for row in draft.columns.itertuples()}
    assert seen == {header: (ROLES[role], unit) for header, (role, unit) in case.truth.items()}
    doubts = dict(zip(draft.columns["header"], draft.columns["doubt"], strict=True))
    assert case.doubtful <= {header for header, doubt in doubts.items() if doubt}
    names = dict(zip(draft.columns["header"], draft.columns["name"], strict=True))
    if case.groups:
        assert draft.process.definition.groups == [names[header] for header in case.groups]
    assert draft.runs == (case.runs or len(case.frame))
    history = History.from_csv(draft.process, path)
    bad_cells = int((case.frame == "n/a").to_numpy().sum())
    assert len(history.quarantine) == bad_cells
    assert len(history) == len(case.frame)
