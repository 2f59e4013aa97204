#!/usr/bin/env bash
# Says every 20 seconds how far a build is, for builders that keep Ninja's own lines to themselves.
# Usage: .ci/build_progress.sh BUILD_FOLDER COMMAND ...
set -euo pipefail
build=$1
shift
begun=$(mktemp)
(
  while sleep 20; do
    [[ -f $build/build.ninja ]] || continue
    all=$(grep -c '^build .*\.o:' "$build/build.ninja" || true)
    echo "   compiled $(find "$build" -name '*.o' -newer "$begun" | wc -l) files (of at most $all)"
  done
) &
reporter=$!
trap 'kill "$reporter" 2>/dev/null || true; rm -f "$begun"' EXIT
"$@"
