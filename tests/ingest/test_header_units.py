"""Units in headers: what is written out, what last words say, and what stays open."""

import pytest

from luban import units
from luban._intake.header_units import name_and_unit

SURE = {
    "scan_speed_mm_s": ("scan_speed", "mm/s"),
    "laser_power_W": ("laser_power", "W"),
    "cutting_speed_m_min": ("cutting_speed", "m/min"),
    "cement_kg_m3": ("cement", "kg/m3"),
    "density_g_cm3": ("density", "g/cm3"),
    "flow_l_min": ("flow", "l/min"),
    "feed_mm_rev": ("feed", "mm/rev"),
    "catalyst_mol_pct": ("catalyst", "%"),
    "relative_density_pct": ("relative_density", "%"),
    "powder_D50_um": ("powder_D50", "um"),
    "O2_ppm": ("O2", "ppm"),
    "energy_kWh": ("energy", "kWh"),
    "SPEED_RPM": ("SPEED", "rpm"),
    "T_C": ("T", "degC"),
    "oven_degC": ("oven", "degC"),
    "hold_time_s": ("hold_time", "s"),
    "cycle_time_min": ("cycle_time", "min"),
    "heating_rate_degC_min": ("heating_rate", "degC/min"),
    "torque_N_m": ("torque", "Nm"),
    "viscosity_mPa_s": ("viscosity", "mPa*s"),
    "speed mm per s": ("speed", "mm/s"),
    "Feed Rate mm/min": ("Feed Rate", "mm/min"),
    "Pressure [bar]": ("Pressure", "bar"),
    "T_melt (°C)": ("T_melt", "degC"),
    "Temperature [C]": ("Temperature", "degC"),
    "温度（℃）": ("温度", "degC"),
    "转速(转/分)": ("转速", "rpm"),
    "Druck in bar": ("Druck", "bar"),
    "Temperatur / °C": ("Temperatur", "degC"),
    "Drehzahl [U/min]": ("Drehzahl", "rpm"),
    "price (€/kg)": ("price", "EUR/kg"),
    "catalyst loading (mol %)": ("catalyst loading", "%"),
    "Conductivity (measured) (S/cm)": ("Conductivity (measured)", "S/cm"),
    "pressure_bar_max": ("pressure_bar_max", "bar"),
    "Hardness (HRC)": ("Hardness", ""),
    "TIC-101.PV": ("TIC-101.PV", ""),
    "Batch ID": ("Batch ID", ""),
    "seconds_of_day": ("seconds_of_day", ""),
    "note (first)": ("note (first)", ""),
    "Ms - Torque peak value": ("Ms - Torque peak value", ""),
}
DOUBTFUL = {
    "series_A": "",
    "T_min": "",
    "Value (min)": "",
    "Zone (A)": "A",
    "pressure [barg]": "bar",
    "gas flow [Nm³/h]": "m3/h",
    "pressure_bar_min": "bar",
    "reactive_kvarh": "kVA*h",
    "SpeedRPM": "rpm",
    "temp [foo]": "",
}


@pytest.mark.parametrize("header", SURE)
def test_a_unit_that_is_sure(header: str) -> None:
    assert name_and_unit(header) == (*SURE[header], "")


@pytest.mark.parametrize("header", DOUBTFUL)
def test_a_unit_that_is_doubtful_says_so(header: str) -> None:
    taken = name_and_unit(header)
    assert taken.unit == DOUBTFUL[header]
    assert taken.doubt
    assert units.is_unit(taken.unit)
