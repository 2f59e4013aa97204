"""Evaluations until a target is reached, ours beside the peers'; ``tests/bench/regret.py`` runs it."""
