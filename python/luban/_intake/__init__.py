"""Private: from a table of any source to the columns of a history, with everything refused accounted for.

``source`` reads CSV files, ``columns`` finds what the process file names, ``convert`` makes numbers and codes,
``build`` makes runs and readings, ``report`` counts. ``luban.history`` and ``luban.ingest`` stand in front.
"""
