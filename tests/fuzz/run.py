"""Makes the corpus and fuzzes: python run.py PROGRAM FOLDER --minutes 30 [--seed N]; what was found stays in FOLDER.

Exit code 1 when somebody died in a frame of ours. Deaths inside libhdf5 are listed, and are no failure: what protects
from them is said in docs/histories.md.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
# A length that no file has is answered by the allocator as by a machine without that memory.
LIMITS = {
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=1024:hard_rss_limit_mb=1500",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}


def fuzz(program: Path, folder: Path, seconds: int, seed: int) -> int:
    corpus = folder / "corpus"
    if corpus.exists():
        shutil.rmtree(corpus)
    subprocess.run([sys.executable, str(HERE / "corpus.py"), str(corpus)], check=True)
    findings = folder / f"seed-{seed}"
    findings.mkdir(exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"} | LIMITS
    command = [str(program), str(corpus), str(findings), str(seconds), str(seed)]
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86400, help="by default another one each day")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    sys.exit(fuzz(given.program, given.folder, round(60 * given.minutes), given.seed))
