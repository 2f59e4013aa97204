#!/usr/bin/env bash
# Says every 20 seconds how far a build is, for builders that keep Ninja's own lines to themselves.
# Usage: .ci/build_progress.sh BUILD_FOLDER COMMAND ...
set -euo pipefail
build=$1
shift
lines() { cat "$build/.ninja_log" 2>/dev/null | wc -l; }
before=$(lines)
(
  while sleep 20; do
    [[ -f $build/build.ninja && -f $build/.ninja_log ]] || continue
    all=$(grep -c '^build .*\.o:' "$build/build.ninja" || true)
    echo "   built $(($(lines) - before)) files (of at most $all and their libraries)"
  done
) &
reporter=$!
trap 'kill "$reporter" 2>/dev/null || true' EXIT
"$@"
