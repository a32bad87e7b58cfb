"""numpy_rnn/walk: the numbers of the page, against the layers; the built copy in docs; what is no layer."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpy_rnn.check.backward import RNNBackward, written
from numpy_rnn.split import jacobians, split
from numpy_rnn.walk import moments, runs, task
from numpy_rnn.walk.__main__ import main, networks
from numpy_rnn.walk.page import numbers

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "walk.html").read_text()
DATA = json.loads(PAGE.partition('<script type="application/json" id="data">')[2].partition("</script>")[0])
RUNS = DATA["runs"]


def layer_of(run: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    """The layer, x, h_0 and d_output of a run, made of nothing but the numbers in the page."""
    params = {name: np.array(p, float) for name, p in run["params"].items()}
    D, H = len(params["W_xh_l0"]), len(params["W_hh_l0"])
    layer = task.CELLS[run["cell"]](D, H, dtype=np.float64).with_params(params)
    states = tuple(np.array(run[f"{name}_0"], float)[None, None] for name in layer.state_names)
    h_0 = states if len(states) > 1 else states[0]
    return layer, np.array(run["x"], float)[:, None], h_0, np.array(run["d_output"], float)[:, None]


def near(a: Any, b: Any, cell_axes: int) -> bool:
    """Equal to 1e-9 in norm, each cell of the leading axes by itself."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    over = tuple(range(cell_axes, a.ndim))
    return bool((np.sqrt(((a - b) ** 2).sum(axis=over)) <= 1e-9 * np.sqrt((b**2).sum(axis=over))).all())


def leaves(a: Any) -> list[Any]:
    if isinstance(a, dict):
        return [leaf for name in sorted(a) for leaf in (name, *leaves(a[name]))]
    return [leaf for each in a for leaf in leaves(each)] if isinstance(a, list) else [a]


def test_the_copy_in_docs_is_what_the_command_makes() -> None:
    made = leaves(json.loads(json.dumps(numbers(networks()))))
    there = leaves(DATA)
    assert len(made) == len(there) > 50_000
    for ours, theirs in zip(made, there, strict=True):
        same = ours == theirs or abs(ours - theirs) <= 1e-9 * abs(theirs) + 1e-15
        assert same, (ours, theirs)
    code = re.findall(r"<script>\n(.*?)</script>", PAGE, re.DOTALL)[0]
    for file in ("model.js", "network.js", "panels.js", "main.js"):
        source = (ROOT / "numpy_rnn" / "walk" / "page" / file).read_text().replace('"use strict";\n', "")
        assert source in code, f"docs/walk.html is older than {file}: python -m numpy_rnn.walk --out docs/walk.html"
    assert (ROOT / "numpy_rnn" / "walk" / "page" / "page.css").read_text() in PAGE


def test_it_is_one_small_file_without_a_network() -> None:
    assert len(PAGE.encode()) < 2e6
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:|#)|https?://|@import|url\(|fetch\(|XMLHttp""", PAGE)


@pytest.mark.parametrize("name", RUNS)
def test_every_part_is_the_layers(name: str) -> None:
    run = RUNS[name]
    layer, x, h_0, d_output = layer_of(run)
    parts = split(layer, x, d_output, h_0)
    assert near(run["G"], parts["W_hh_l0"], 2)
    pairs = {"dz": "b_xh_l0"} if run["cell"] != "gru" else {"da": "b_xh_l0", "ds": "b_hh_l0"}
    assert all(near(run[ours], parts[param], 2) for ours, param in pairs.items())
    output, _, cache = layer.forward(x, h_0)
    assert near(run["hs"][1:], output[:, 0], 1)
    assert run["hs"][0] == pytest.approx(run["h_0"])
    assert all(run["h_0"])
    for state in layer.state_names:
        assert near(run["jacobian"][state], np.linalg.norm(jacobians(layer, x, h_0, state), 2, axis=(1, 2)), 1)
    T = len(x)
    for t in range(T):  # what E_t alone sends back to h_0, and on its way to every step
        one = np.zeros_like(d_output)
        one[t] = d_output[t]
        full = layer.backward(one, None, cache)
        of_h, of_c = full.h_0 if run["cell"] == "lstm" else (full.h_0, None)
        assert near(run["sent"][t][0], of_h[0, 0], 0)
        assert of_c is None or near(run["dc_sent"][t][0], of_c[0, 0], 0)
    if run["cell"] == "lstm":  # Eq. (13), from the parts that the page shows
        o, c = np.array(run["gates"]["o"]), np.array(run["cs"])
        for t in range(T):
            for k in range(t + 1):
                dh = d_output[t, 0] if k == t else np.array(run["sent"][t][k + 1])
                later = 0 if k == t else np.array(run["dc_sent"][t][k + 1])
                assert near(run["dc"][t][k], later + dh * o[k] * (1 - np.tanh(c[k + 1]) ** 2), 0)


@pytest.mark.parametrize("bug", runs.BUGS)
@pytest.mark.parametrize("name", [name for name in RUNS if name.startswith("rnn")])
def test_a_planted_bug_is_the_checks(name: str, bug: str) -> None:
    """Its parts sum to what the known bug gives; `right` cells are equal, and the others are not."""
    run = RUNS[name]
    _, x, _, d_output = layer_of(run)
    p = {key: np.array(value, float) for key, value in run["params"].items()}
    hs = np.array(run["hs"], float)[:, None]
    a = {"x": x, "hs": hs, "d_hs": d_output, "W_xh": p["W_xh_l0"], "W_hh": p["W_hh_l0"]}
    wrong = written(runs.BUGS[bug][1], RNNBackward)(a | {"b_h": p["b_xh_l0"] + p["b_hh_l0"]})["dW_hh"]
    G, right = np.array(run["bugs"][bug]["G"], float), np.array(run["G"], float)
    assert np.allclose(G.sum(axis=(0, 1)), wrong, rtol=0, atol=1e-9 * np.abs(wrong).max())
    off = np.linalg.norm(G - right, axis=(2, 3)) > 1e-9 * np.linalg.norm(right, axis=(2, 3))
    diagonal_is_right = bug in ("dropped", "transpose")
    assert (off == np.tri(len(G), k=-1 if diagonal_is_right else 0, dtype=bool)).all()


def test_after_learning_the_answers_are_right() -> None:
    for cell, how, trained, model in task.networks():
        assert (task.accuracy(model) > 0.99) == trained, (cell, how)
        losses = RUNS[f"{cell}/{how}/{'learnt' if trained else 'untrained'}"]["losses"]
        assert np.allclose(task.sequence(model).losses, losses, rtol=1e-9)


def test_the_question_has_its_answer() -> None:
    found = task.question()
    assert found == DATA["question"]
    assert max(found["k2 = 3"]) < 0.6
    assert min(found["k2 = 4"]) > 0.95


def test_a_moments_line_is_the_one_in_the_source() -> None:
    for cell in moments.MOMENTS:
        for moment in moments.as_data(cell):
            assert (ROOT / moment["file"]).read_text().splitlines()[moment["line"] - 1].strip() == moment["text"]
            assert moment["phase"] == "forward" or f"Eq. {moment['equation']}" in moment["text"], moment["id"]


SIZES = {"rnn": 1, "lstm": 4, "gru": 3}


def stored(file: Path, cell: str = "rnn", H: int = 3, D: int = 2, suffix: str = "", **others: Any) -> str:
    rng, columns = np.random.default_rng(1), SIZES[cell] * H
    arrays: dict[str, Any] = {
        "W_xh": rng.normal(size=(D, columns)),
        "W_hh": rng.normal(size=(H, columns)),
        "b_xh": rng.normal(size=columns),
        "b_hh": rng.normal(size=columns),
    } | others
    np.savez(file, **{name + suffix: a for name, a in arrays.items() if a is not None})
    return str(file)


@pytest.mark.parametrize(("cell", "H", "suffix"), [("rnn", 1, ""), ("lstm", 16, "_l0"), ("gru", 5, "")])
def test_a_readers_own_layer(tmp_path: Path, cell: str, H: int, suffix: str, capsys: Any) -> None:
    file, out = stored(tmp_path / "mine.npz", cell, H, D=3, suffix=suffix), tmp_path / "mine.html"
    assert main(["--params", file, "--out", str(out)]) == 0
    assert "Open it in a browser." in capsys.readouterr().out
    text = out.read_text()
    assert len(text.encode()) < 2e6
    data = json.loads(text.partition('id="data">')[2].partition("</script>")[0])
    (run,) = data["runs"].values()
    layer, x, h_0, d_output = layer_of(run)
    with np.load(file) as arrays:
        assert (layer.params["W_hh_l0"] == arrays["W_hh" + suffix]).all()
    assert near(run["G"], split(layer, x, d_output, h_0)["W_hh_l0"], 2)
    assert run["cell"] == cell
    assert bool(run["bugs"]) == (cell == "rnn")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"b_hh": None}, "expected the arrays W_xh, W_hh, b_xh, b_hh, got W_hh, W_xh, b_xh"),
        ({"more": np.zeros(2)}, "expected the arrays W_xh, W_hh, b_xh, b_hh, got W_hh, W_xh"),
        ({"W_hh": np.zeros((3, 6))}, "with G = 1, 3 or 4, got W_xh (2, 3), W_hh (3, 6)"),
        ({"W_hh": np.zeros(9)}, "with G = 1, 3 or 4, got"),
        ({"W_hh": np.zeros((0, 0))}, "with G = 1, 3 or 4, got"),
        ({"b_xh": np.zeros((3, 1))}, "with G = 1, 3 or 4, got"),
        ({"W_xh": np.zeros((17, 3))}, "expected H and D up to 16"),
        ({"W_xh": np.zeros((2, 3), int)}, "expected W_xh of float64 or float32, got int64"),
        ({"b_hh": np.array([1, np.nan, 0])}, "expected finite numbers in b_hh, got NaN or infinity"),
        ({"b_hh": np.array([None] * 3)}, "expected an .npz file with arrays of numbers"),
    ],
)
def test_what_is_no_layer_ends_in_a_sentence(tmp_path: Path, change: Any, words: str, capsys: Any) -> None:
    out = tmp_path / "walk.html"
    out.write_text("before")
    assert main(["--params", stored(tmp_path / "mine.npz", **change), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("walk: --params: ")
    assert words in said
    assert said.count("\n") == 1
    assert out.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_too_large_a_layer(tmp_path: Path, capsys: Any) -> None:
    assert main(["--params", stored(tmp_path / "mine.npz", "lstm", H=17), "--out", str(tmp_path / "a.html")]) == 2
    assert "expected H and D up to 16" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_what_is_no_archive(tmp_path: Path, content: bytes | None, capsys: Any) -> None:
    file = tmp_path / "mine.npz"
    if content is not None:
        file.write_bytes(content)
    assert main(["--params", str(file), "--out", str(tmp_path / "walk.html")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("walk: ")
    assert said.count("\n") == 1


def test_a_single_array_is_no_layer(tmp_path: Path, capsys: Any) -> None:
    np.save(tmp_path / "mine.npy", np.zeros(3))
    assert main(["--params", str(tmp_path / "mine.npy"), "--out", str(tmp_path / "walk.html")]) == 2
    assert "expected an .npz file, got a single array" in capsys.readouterr().err


def test_the_page_never_replaces_the_layer(tmp_path: Path, capsys: Any) -> None:
    file = stored(tmp_path / "mine.npz")
    before = Path(file).read_bytes()
    assert main(["--params", file, "--out", file]) == 2
    assert "--out: expected another file than that of --params" in capsys.readouterr().err
    assert Path(file).read_bytes() == before
    assert main(["--params", file, "--out", str(tmp_path / "no" / "walk.html")]) == 2
    assert "--out: expected a file in a folder that can be written to" in capsys.readouterr().err
