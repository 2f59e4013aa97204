"""``python -m luban.cli`` is ``luban``, for jobs that are started by this program itself."""

from __future__ import annotations

from luban.cli import main

if __name__ == "__main__":
    main()
