"""`make bench` runs to its end, on a short history: what it measures is not judged here."""

import subprocess
import sys

import pytest
from project import TEMPLATE, clean_environment

RUN = TEMPLATE / "benchmarks" / "run.py"


@pytest.mark.slow
def test_every_line_of_the_benchmarks_is_measured() -> None:
    command = [sys.executable, str(RUN), "--runs", "1", "--revisions", "100"]
    result = subprocess.run(
        command,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    lines = [line for line in result.stdout.splitlines() if line.endswith(("yes", "no"))]
    assert len(lines) == 12, result.stdout
