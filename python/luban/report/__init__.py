"""Reports: one self-contained HTML file about a history, a model or a whole demonstration."""

from __future__ import annotations

from luban.report.blocks import Block, Card, Cards, Facts, Note, Picture, Points, Section, Text, Verbatim, Wide
from luban.report.page import Report
from luban.report.standard import history_sections, model_sections, of_history, of_model, skill_frame

__all__ = [
    "Block",
    "Card",
    "Cards",
    "Facts",
    "Note",
    "Picture",
    "Points",
    "Report",
    "Section",
    "Text",
    "Verbatim",
    "Wide",
    "history_sections",
    "model_sections",
    "of_history",
    "of_model",
    "skill_frame",
]
