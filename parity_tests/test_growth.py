"""scripts/growth.py: what is measured and what is written of it."""

import json
from pathlib import Path
from typing import Any

import growth
import numpy as np
import pytest

from parity_tests.support import relative_error

SMALL = ["--steps", "2", "8", "--hidden-sizes", "3", "5", "--k", "2", "--batch-size", "2", "--rounds", "2"]


@pytest.mark.parametrize("cell", growth.LAYERS)
def test_the_three_gradients(cell: str) -> None:
    """Two of them are the same; that of chunks is TBPTT(k, k)'s."""
    rng = np.random.default_rng(0)
    layer, x = growth.LAYERS[cell](3, 4, dtype=np.float64, rng=rng), rng.normal(size=(10, 2, 3))
    found = {name: way() for name, way in growth.ways(layer, x, 4).items()}
    output, _, cache = layer.forward(x)
    whole = layer.backward(output, None, cache).params
    cut = layer.backward(output, None, cache, k1=4, k2=4).params
    for name in layer.params:
        assert relative_error(found["full"][name], whole[name]) == 0
        assert relative_error(found["checkpointed"][name], whole[name]) < 1e-13
        assert relative_error(found["chunks"][name], cut[name]) < 1e-13
    assert relative_error(found["chunks"]["W_hh_l0"], whole["W_hh_l0"]) > 1e-3


def test_the_peak_is_that_of_what_is_allocated() -> None:
    megabyte = growth.peak(lambda: {"a": np.ones(2**17)})
    assert megabyte == pytest.approx(1, rel=0.01)


def test_an_exponent_is_the_slope() -> None:
    rows: list[dict[str, Any]] = [{"T": T} for T in (1, 10, 100)]
    assert growth.exponent(rows, "T", [2.0, 20.0, 200.0]) == pytest.approx(1)
    assert growth.exponent(rows, "T", [3.0, 3 * 10**0.5, 30.0]) == pytest.approx(0.5)


def test_the_table() -> None:
    seconds = {"full": [0.1, 0.2, 0.3], "checkpointed": [0.3, 0.3, 0.3], "chunks": [0.1, 0.1, 0.1]}
    memory = {"full": 4.0, "checkpointed": 2.0, "chunks": 1.0}
    rows = [
        {"T": 1, "H": 9, "seconds": seconds, "MiB": memory, "slower": [1.2, 1.25, 1.3]},
        {
            "T": 4,
            "H": 9,
            "seconds": {name: [4 * s for s in each] for name, each in seconds.items()},
            "MiB": {"full": 16.0, "checkpointed": 4.0, "chunks": 1.0},
            "slower": [1.3, 1.35, 1.4],
        },
    ]
    assert growth.table(rows, "T").splitlines() == [
        "| T (H = 9) | full, ms | checkpointed, ms | chunks, ms | checkpointed / full "
        "| full, MiB | checkpointed, MiB | chunks, MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| 1 | 200.0 | 300.0 | 100.0 | 1.25 (1.20 to 1.30) | 4.0 | 2.0 | 1.0 |",
        "| 4 | 800.0 | 1200.0 | 400.0 | 1.35 (1.30 to 1.40) | 16.0 | 4.0 | 1.0 |",
        "| exponent | 1.00 | 1.00 | 1.00 |  | 1.00 | 0.50 | 0.00 |",
    ]


def test_the_script(tmp_path: Path, capsys: Any) -> None:
    files = [f"--json={tmp_path / 'json'}", f"--picture={tmp_path / 'picture'}"]
    assert growth.main([*SMALL, *files]) == 0
    found, printed = json.loads((tmp_path / "json").read_text()), capsys.readouterr().out
    assert [(row["T"], row["H"]) for row in found["T"]] == [(2, 5), (8, 5)]
    assert [(row["T"], row["H"]) for row in found["H"]] == [(8, 3), (8, 5)]
    assert printed.count("| exponent |") == 2
    assert (tmp_path / "picture").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0", "4"], "growth.py: steps: expected two or more whole numbers >= 1, got [0, 4]"),
        (["--hidden-sizes", "4", "4"], "growth.py: hidden_sizes: expected two or more whole numbers >= 1, got [4, 4]"),
        (["--k", "0"], "growth.py: k: expected a whole number >= 1, got 0"),
        (["--json", "a", "--picture", "./a"], "growth.py: picture: expected another file than that of --json"),
    ],
)
def test_a_users_mistake(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert growth.main([*SMALL, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
