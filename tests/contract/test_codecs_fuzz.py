"""Every codec against a million inputs that coverage guides, in `make soak`."""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz" / "fuzz_codecs.py"


@pytest.mark.soak
@pytest.mark.parametrize("inputs", [1_000_000])
def test_a_million_inputs(inputs: int) -> None:
    """Nothing but `PayloadError` is raised, nothing is said that may not be learned."""
    pytest.importorskip("atheris", reason="atheris has no wheels for this machine")
    command = [sys.executable, str(FUZZ), "--inputs", str(inputs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"Done {inputs} in " in done.stderr
