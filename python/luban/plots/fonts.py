"""Fonts: the style's own, one that has Chinese, Japanese and Korean where it is installed, and what none can draw."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from matplotlib import font_manager
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["drawable", "escaped", "families"]

_OWN = "DejaVu Sans"
#: Families that have Chinese, Japanese and Korean signs, the ones that fit the own font best first.
_EAST_ASIAN = (
    *(f"{family} {region}" for family in ("Noto Sans CJK", "Source Han Sans") for region in ("SC", "TC", "JP", "KR")),
    *("Noto Sans SC", "Noto Sans TC", "Noto Sans JP", "Noto Sans KR", "Source Han Sans CN", "Source Han Sans"),
    *("PingFang SC", "Hiragino Sans", "Hiragino Sans GB", "Microsoft YaHei", "SimHei", "Yu Gothic", "Malgun Gothic"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "AR PL UMing CN", "IPAGothic"),
    "Arial Unicode MS",
)


@functools.cache
def families() -> tuple[str, ...]:
    """Return the families that a text is drawn with: each sign by the first that has it."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return (_OWN, *[name for name in _EAST_ASIAN if name in installed][:3])


@functools.cache
def _signs(family: str) -> frozenset[int]:
    path = font_manager.findfont(font_manager.FontProperties(family=[family]))
    return frozenset(font_manager.get_font(path).get_charmap())


def _missing(text: str) -> set[str]:
    return {sign for sign in text if not sign.isspace() and not any(ord(sign) in _signs(name) for name in families())}


def escaped(text: str) -> str:
    r"""Return a text whose signs can all be drawn: those that no font has as their number, ``\u94e3``."""
    missing = _missing(text) if not text.isascii() else set()
    return "".join(_number(sign) if sign in missing else sign for sign in text)


def _number(sign: str) -> str:
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"


def drawable(plot: Figure) -> None:
    """Replace in a figure what no font can draw, and warn of it once."""
    changed: set[str] = set()
    for axes in plot.get_axes():
        for axis in (axes.xaxis, axes.yaxis):
            # The texts of ticks are made anew at each drawing, by the function that set_ticks left.
            missing = set().union(*(_missing(label.get_text()) for label in axis.get_majorticklabels()))
            formatter = axis.get_major_formatter()
            if missing and isinstance(formatter, FuncFormatter):
                changed |= missing
                formatter.func = _escaping(formatter.func)
    for artist in plot.findobj(Text):
        text = artist.get_text()
        if (shown := escaped(text)) != text:
            changed |= _missing(text)
            artist.set_text(shown)
    if changed:
        warnings.warn(_sentence(sorted(changed)), UserWarning, stacklevel=2)


def _escaping(label: Callable[..., str]) -> Callable[..., str]:
    return lambda *at: escaped(label(*at))


def _sentence(signs: Iterable[str]) -> str:
    named = list(signs)
    some = " ".join(named[:6]) + (" …" if len(named) > 6 else "")
    return (
        f"No installed font has {some}: drawn as numbers such as {_number(named[0])}. A font for Chinese, Japanese and "
        "Korean, such as Noto Sans CJK, helps."
    )
