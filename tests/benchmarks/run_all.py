"""Run every benchmark, one after the other, and print what each measured.

Usage: run_all.py [--nab FOLDER --nab-score SCRIPT] [--recordings FOLDER]

The Numenta Anomaly Benchmark is not part of the project, nor are recordings of real sensors: without their data what
needs it is left out, and said so.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """Return the number of benchmarks that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nab", type=Path, default=Path("../shared/data/nab"))
    parser.add_argument("--nab-score", type=Path, default=Path("../shared/bench/nab_score.py"))
    parser.add_argument("--recordings", type=Path, help="files of healthy sensors, as `gateway replay` reads them")
    options = parser.parse_args()
    has_nab = options.nab.is_dir() and options.nab_score.is_file()
    has_recordings = options.recordings is not None and options.recordings.exists()
    nab, judge = ["--nab", str(options.nab)], ["--nab-score", str(options.nab_score)]
    needs = {
        "bench_forecast": (has_nab, nab),
        "bench_nab": (has_nab, [*nab, *judge]),
        "bench_neighbours": (has_nab, [*nab, *judge]),
        "bench_recorded": (has_recordings, ["--recordings", str(options.recordings)]),
    }
    failed = 0
    for script in sorted(HERE.glob("bench_*.py")):
        has_data, arguments = needs.get(script.stem, (True, []))
        if not has_data:
            print(f"\n== {script.stem}: left out, no data for {' '.join(arguments)}", flush=True)
            continue
        print(f"\n== {script.stem}", flush=True)
        started = time.monotonic()
        failed += subprocess.run([sys.executable, script, *arguments], check=False).returncode != 0
        print(f"   ({time.monotonic() - started:.0f} s)", flush=True)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
