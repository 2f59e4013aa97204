"""Rows of ``make bench-history``, one module per thing that is measured; ``tests/bench/history.py`` runs them."""
