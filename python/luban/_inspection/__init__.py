"""Looking at a history before anything is learned from it: the checks behind :func:`luban.features.inspect`."""
