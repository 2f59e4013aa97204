"""Reports: one self-contained HTML file about a history, a model or a whole demonstration."""

from __future__ import annotations

from luban.report.blocks import (
    Block,
    Card,
    Cards,
    Facts,
    Folded,
    Gallery,
    Note,
    Picture,
    Points,
    Section,
    Shown,
    Text,
    Verbatim,
    Wide,
)
from luban.report.inspection import inspection_sections, of_inspection
from luban.report.page import Report
from luban.report.standard import model_sections, of_history, of_model, skill_frame

__all__ = [
    "Block",
    "Card",
    "Cards",
    "Facts",
    "Folded",
    "Gallery",
    "Note",
    "Picture",
    "Points",
    "Report",
    "Section",
    "Shown",
    "Text",
    "Verbatim",
    "Wide",
    "inspection_sections",
    "model_sections",
    "of_history",
    "of_inspection",
    "of_model",
    "skill_frame",
]
