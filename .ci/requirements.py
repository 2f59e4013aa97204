"""Print the requirements of the named groups of pyproject.toml, one a line.

Groups: `build` (build requirements), `runtime` (dependencies), and the names of the optional groups.
"""

import sys
import tomllib
from pathlib import Path


def main(groups: list[str]) -> None:
    """Write the requirements of `groups` to standard output, in the order given."""
    project_file = Path(__file__).resolve().parent.parent / "pyproject.toml"
    content = tomllib.loads(project_file.read_text(encoding="utf-8"))
    lists = {
        "build": content["build-system"]["requires"],
        "runtime": content["project"]["dependencies"],
        **content["project"]["optional-dependencies"],
    }
    unknown = [group for group in groups if group not in lists]
    if unknown or not groups:
        sys.exit(f"expected one or more of {sorted(lists)}, received {groups}")
    for group in groups:
        sys.stdout.write("".join(f"{requirement}\n" for requirement in lists[group]))


if __name__ == "__main__":
    main(sys.argv[1:])
