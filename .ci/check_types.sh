#!/usr/bin/env bash
# mypy over the package with the stubs that the build made beside the extension modules.
# Usage: .ci/check_types.sh BUILD_FOLDER
set -euo pipefail
build=$1
tree=$build/types
rm -rf "$tree"
mkdir -p "$tree"
cp -r python/luban "$tree/luban"
cp "$build"/stage/luban/*.pyi "$tree/luban/"
MYPYPATH="$tree" mypy --config-file pyproject.toml --cache-dir "$build/mypy" -p luban | sed "s,^$tree/,python/,"
