"""What the words of a header say, in English, German and Chinese; hints only, always weighed against the numbers.

A header is cut into small words: ``MeltTemp_degC`` is ``" melt temp deg c "``. Short words of a vocabulary stand
between blanks, so that *age* is not found in *usage*; long ones may stand inside compounds, as German needs.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = [
    "AMBIENT",
    "CHOSEN",
    "CIRCUMSTANCE",
    "CLASS_RESULT",
    "LARGER",
    "MEASURED",
    "QUANTITIES",
    "REPEAT",
    "RESULT",
    "RESULT_OR_NOT",
    "SET",
    "SETPOINT",
    "SMALLER",
    "group_rank",
    "names_code",
    "names_counter",
    "names_run",
    "words",
]

_CAMEL = re.compile(r"(?<=[a-zäöü])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_]{3})")


def words(header: str) -> str:
    """Return the small words of a header between single blanks, one blank at each end."""
    text = _CAMEL.sub(" ", unicodedata.normalize("NFKC", header))
    return " " + " ".join(re.split(r"[\W_]+", text.lower())).strip() + " "


#: Results of a process, whatever the table looks like.
RESULT = re.compile(
    r"yield|strength|rough|purity|impurit|qualit|defect|scrap|hardness|toughness| score | r[aqtz] | s[amqz] | rsm "
    r"|efficienc|conversion|selectivit|porosit|relative density|conductivit|accurac|reject|crack|warp|shrink|elongation"
    r"|response|result|outcome|titer|titre|uniformit|distortion|burr| mrr | oee |pass rate|crystallinity|deflection"
    r"|ausbeute|festigkeit|rauheit|rauhigkeit|härte|reinheit|ausschuss|fehler|verzug|ergebnis|wirkungsgrad"
    r"|良率|产率|收率|得率|强度|粗糙|硬度|缺陷|纯度|结果|合格率|孔隙"
)
#: Results in one plant, settings or states in another: laser power, power drawn.
RESULT_OR_NOT = re.compile(
    r"power|energ|density|thickness|concentration|viscosit| cost|loss|error|output|turnover|usage|consumption|emission"
    r"|throughput|weight|wear|vibration|gloss|haze|moisture|residual| co 2 |verbrauch|dicke|dichte"
    r"|kosten|gewicht|leistung"
    r"|feuchte|能耗|厚度|密度|重量|含水|成本"
)
#: Something that an instrument or the machine reported.
MEASURED = re.compile(
    r" actual | act | ist |istwert| pv | mean | average | avg |peak|measured| meas |reading| sensor|gemessen|messwert"
    r"| std | sd | max | rms |monitor|mittelwert|实际|实测|测量"
)
SETPOINT = re.compile(r"set ?point| set | sp | soll|sollwert|nominal|command|设定|给定")
#: What machines are usually told.
SET = re.compile(
    r"speed|feed|temp|pressure| time |duration|dwell|flow| rate |voltage|current|laser|ratio|loading"
    r"|content|dose|dosage"
    r"|amount|depth|hatch|layer| spot | gap |offset|delay|angle| ph |residence|stroke|frequency"
    r"|force|additive|injection"
    r"|geschwindigkeit|drehzahl|druck|zeit|vorschub|menge|anteil|spannung|strom|kraft|tiefe|winkel|durchfluss"
    r"|速度|转速|温度|压力|时间|流量|进给|功率|电流|电压|用量|角度|频率"
)
#: Circumstances in every case.
AMBIENT = re.compile(
    r"ambient|humid| rh |room|weather|outdoor|outside| age |weekday|day of week|week status|season"
    r"| month | hour |powder"
    r"|particle size|feedstock|raw material|incoming|since|shift |umgebung|aussen|außen|luftfeucht|wetter"
    r"|wochentag| alter "
    r"|湿度|环境|室温|班次|天气|原料"
)
#: Circumstances, unless a word such as speed or temperature follows.
CIRCUMSTANCE = re.compile(
    r"material|supplier|operator|machine| line |product|grade|diameter|alloy|geometr|shape|printer"
    r"|equipment|model|vendor"
    r"|condition|status|method| worn | wear |batch size|werkstoff|schicht|maschine|lieferant|anlage|produkt|durchmesser"
    r"|bediener|linie|werkzeugzustand|材料|设备|机台|供应商|产品|操作|直径|型号|牌号"
)
#: Categories that somebody picks for each run.
CHOSEN = re.compile(
    r"ligand|solvent|reagent|catalyst|additive| base |buffer|recipe|program| mode |strateg|pattern"
    r"|insert|coating|coolant"
    r"|lubricant|nozzle| route |setting|rezept|programm|modus|strategie|kühlmittel|lösemittel|溶剂|催化剂|配方"
    r"|程序|模式|冷却液"
)
#: Outcomes written as classes.
CLASS_RESULT = re.compile(
    r"qualit| pass|passed|fail| ok | nok |good|bad |defect|reject|accept|result|outcome|verdict|finali[sz]ed|completed"
    r"|inspection|scrap| class | label | rating |ergebnis|gut |ausschuss|befund|prüf|合格|结果|质量|等级|缺陷"
)
LARGER = re.compile(
    r"yield|strength|purity|qualit|hardness|toughness|output|efficienc|conversion|selectivit|relative density"
    r"|conductivit|score"
    r"|throughput|turnover|accurac|elongation|uniformit|titer|titre|pass rate| oee | mrr |ausbeute"
    r"|festigkeit|härte|reinheit"
    r"|wirkungsgrad|良率|产率|收率|得率|强度|硬度|纯度|合格率"
)
SMALLER = re.compile(
    r"rough|defect|scrap|cost|loss|error|energ|power|usage|consumption|emission|impurit|porosit|crack"
    r"|warp|shrink|reject"
    r"|distortion|burr|wear|vibration|deviation|ausschuss|fehler|rauheit|kosten|verbrauch|verzug|粗糙|缺陷"
    r"|能耗|成本|孔隙"
    r"| r[aqtz] | s[aqz] "
)
REPEAT = re.compile(
    r" (rep|repeat|repetition|replicate|replication|replica|reading|measurement|wiederholung|messung|重复)s?( no"
    r"| nr| \d+)? $"
)

#: Words that make a unit of one letter believable.
QUANTITIES: dict[str, re.Pattern[str]] = {
    "time": re.compile(
        r"time|zeit|duration|dauer| age |delay|dwell|hold|cycle|period|cure|residence|exposure|interval|soak|时间|时长"
    ),
    "temperature": re.compile(
        r"temp| t \d* ?|oven|melt|mou?ld|furnace|barrel|zone|nozzle|bed|ofen|schmelze|heizung|dew|ambient|温度|室温"
    ),
    "current": re.compile(r"current|strom| i |amp|电流"),
    "voltage": re.compile(r"volt|spannung| u |bias|potential|电压"),
    "power": re.compile(r"power|leistung|laser|load| p |功率"),
    "force": re.compile(r"force|kraft|clamp|load| f |thrust|力"),
    "mass": re.compile(r"mass|weight|gewicht|dose|amount|charge|part|shot|menge|重量|用量"),
    "length": re.compile(r"length|width|height|distance|thick|depth|diameter|level|länge|breite|höhe|长|宽|高"),
    "volume": re.compile(r"vol|shot|tank|level|体积"),
    "energy": re.compile(r"energ|heat|work|能"),
    "torque": re.compile(r"torque|moment|扭矩"),
    "rate": re.compile(
        r"rate|speed|feed|flow|ramp|velocity|geschwindigkeit|vorschub|durchfluss|fluss|速|流量|进给| v "
    ),
}

_ID_WORDS = {
    "id",
    "no",
    "nr",
    "num",
    "number",
    "nummer",
    "name",
    "code",
    "key",
    "idx",
    "index",
    "serial",
    "编号",
    "序号",
}
_COUNTED = {
    "run", "sample", "setting", "trial", "part", "piece",
    "shaft", "wafer", "row", "record", "unit", "experiment", "exp",
    "test", "specimen", "item", "versuch", "probe", "teil",
    "zeile", "lauf", "order", "auftrag", "bauteil", "样品", "试样",
}  # fmt: skip
_SOURCES = {"doi", "source", "paper", "study", "publication", "author", "campaign", "kampagne", "quelle", "literature"}
_LOTS = {
    "lot", "batch", "charge", "heat", "coil", "los",
    "build", "plate", "cassette", "spool", "roll", "campaign", "shipment",
    "delivery", "chargennummer", "批次", "批号", "炉号", "炉次",
}  # fmt: skip
_PEOPLE = {"operator", "bediener", "technician", "customer", "team", "crew", "操作员"}
_CODES = {"machine", "line", "shift", "cavity", "station", "spindle", "chamber", "furnace", "reactor", "press", "mold",
          "mould", "tool", "fixture", "head", "maschine", "linie", "schicht", "anlage", "equipment", "printer", "plant",
          "site", "机台", "设备", "班次", *_PEOPLE}  # fmt: skip


def _all_of(header: str, needed: set[str], allowed: set[str]) -> bool:
    """Whether each word is in one of the sets, and one of them in the first."""
    tokens = {token for token in words(header).split() if not token.isdigit()}
    return bool(tokens & needed) and tokens <= needed | allowed


def names_counter(header: str) -> bool:
    """Whether the whole header means a number of something: ``Run No``, ``id``, ``#``, ``sample``."""
    nouns = _COUNTED | _SOURCES | _LOTS
    return header.strip() in ("#", "№") or header.endswith("#") or _all_of(header, _ID_WORDS | _COUNTED, nouns)


def names_code(header: str) -> bool:
    """Whether whole numbers under this header are names: ``machine``, ``line no``, ``Cavity``."""
    return _all_of(header, _CODES, _ID_WORDS)


def names_run(header: str) -> bool:
    """Whether an identifier may name one execution: ``Batch ID``, ``part``; not ``setting``, which is run again."""
    return bool(set(words(header).split()) & ((_COUNTED | _LOTS) - {"setting"}))


def group_rank(header: str, *, text: bool) -> int:
    """0: rows of one value need not stay together; 1 a source, 2 a lot, 3 a person. Numbers need a bare header."""
    for rank, nouns in enumerate((_SOURCES, _LOTS, _PEOPLE), start=1):
        if bool(set(words(header).split()) & nouns) if text else _all_of(header, nouns, _ID_WORDS):
            return rank
    return 0
