"""Run every benchmark, one after the other, and print what each measured.

Usage: run_all.py [--nab FOLDER --nab-score SCRIPT]

The Numenta Anomaly Benchmark is not part of the project: without its data what needs it is left out, and said so.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECORDED = ("bench_forecast", "bench_nab")


def main() -> int:
    """Return the number of benchmarks that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nab", type=Path, default=Path("../shared/data/nab"))
    parser.add_argument("--nab-score", type=Path, default=Path("../shared/bench/nab_score.py"))
    options = parser.parse_args()
    failed = 0
    for script in sorted(HERE.glob("bench_*.py")):
        arguments = []
        if script.stem in RECORDED:
            if not (options.nab.is_dir() and options.nab_score.is_file()):
                print(f"\n== {script.stem}: left out, no data at {options.nab}", flush=True)
                continue
            arguments = ["--nab", str(options.nab)]
        if script.stem == "bench_nab":
            arguments += ["--nab-score", str(options.nab_score)]
        print(f"\n== {script.stem}", flush=True)
        started = time.monotonic()
        failed += subprocess.run([sys.executable, script, *arguments], check=False).returncode != 0
        print(f"   ({time.monotonic() - started:.0f} s)", flush=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
