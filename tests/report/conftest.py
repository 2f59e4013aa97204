"""The same small process as for the plots."""

from ..plots.conftest import campaign, history, model, process

__all__ = ["campaign", "history", "model", "process"]
