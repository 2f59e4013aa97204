"""Parts of ``make bench-recommend``: tasks, the peers in processes of their own, quality; recommend.py runs them."""
