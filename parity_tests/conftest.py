"""Hypothesis profiles, and the summary at the end of a run: each gradient, its examples, its worst error, and the
smallest relative error that was planted into it and noticed."""

import os
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, settings
from threadpoolctl import threadpool_limits

from parity_tests.support import TALLIES, TOLERANCE, Tally

# HYPOTHESIS_PROFILE=thorough: more examples, new ones at every run. The default draws the same ones every time.
settings.register_profile("default", max_examples=300, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=2000, deadline=None, derandomize=False, print_blob=True)
# scripts/mutants.py: quick, as there are thousands of mutants; a failing example need not be made smaller
PHASES = (Phase.explicit, Phase.generate)
settings.register_profile("mutants", max_examples=60, deadline=None, derandomize=True, phases=PHASES)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
threadpool_limits(1)  # the arrays are small
torch.set_num_threads(1)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """The tests run in several processes, one for each core. Each hands what it has tallied to the first one."""
    if hasattr(session.config, "workeroutput"):
        tallies = [[*key, tally.examples, float(tally.worst), float(tally.noticed)] for key, tally in TALLIES.items()]
        session.config.workeroutput["tallies"] = tallies


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for name, dtype, examples, worst, noticed in getattr(node, "workeroutput", {}).get("tallies", []):
        tally = TALLIES.setdefault((name, dtype), Tally())
        tally.examples += examples
        tally.worst = float(np.maximum(tally.worst, worst))
        tally.noticed = min(tally.noticed, noticed)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.section("worst relative error in norm, against PyTorch")
    terminalreporter.write_line(f"{'':34} {'dtype':8} {'examples':>8} {'worst':>8} {'allowed':>8} {'noticed':>8}")
    for (name, dtype), tally in sorted(TALLIES.items()):
        terminalreporter.write_line(
            f"{name:34} {dtype:8} {tally.examples:8d} {tally.worst:8.1e} {TOLERANCE[dtype]:8.0e} {tally.noticed:8.1e}"
        )
