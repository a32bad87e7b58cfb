"""A reader's own layer, from an .npz file."""

import zipfile
from typing import Any

import numpy as np

from numpy_rnn.checks import expect
from numpy_rnn.types import Params
from numpy_rnn.walk import moments, runs, task

NAMES, LARGEST = ("W_xh", "W_hh", "b_xh", "b_hh"), 16
CELLS = {1: "rnn", 4: "lstm", 3: "gru"}  # by the number of gates
INTRO = (
    "Your layer reads twelve random inputs, and the loss E<sub>t</sub> of each step has a random gradient. Walk "
    "forward through the states and back through the gradients. W<sub>hh</sub> is used at every step, so its "
    "gradient is a sum: G[t, k] is the part that the loss E<sub>t</sub> adds at step k."
)


def load(file: str) -> tuple[str, Params]:
    """The cell, and W_xh (D, G H), W_hh (H, G H), b_xh and b_hh (G H,) in float64, under the names of a layer.

    Raises:
        ValueError: for a file that is no .npz, for missing or other arrays, sizes that do not fit or are too large, and
            numbers that are not finite.
    """
    try:
        stored = np.load(file, allow_pickle=False)
        expect(not isinstance(stored, np.ndarray), "--params", "an .npz file", "a single array (.npy)")
        with stored:
            given = {name: stored[name] for name in stored.files}
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        if str(error).startswith("--params"):
            raise
        raise ValueError(f"--params: expected an .npz file with arrays of numbers, got {file!r} ({error})") from error
    given = {name.removesuffix("_l0"): a for name, a in given.items()}
    expect(set(given) == set(NAMES), "--params", f"the arrays {', '.join(NAMES)}", ", ".join(sorted(given)) or "none")
    shapes = ", ".join(f"{name} {given[name].shape}" for name in NAMES)
    W_xh, W_hh = given["W_xh"], given["W_hh"]
    two = W_xh.ndim == W_hh.ndim == 2 and W_hh.size > 0 and W_xh.size > 0
    gates = W_hh.shape[1] // len(W_hh) if two else 0
    fits = gates in CELLS and W_hh.shape[1] == gates * len(W_hh) and W_xh.shape[1] == W_hh.shape[1]
    fits = fits and given["b_xh"].shape == given["b_hh"].shape == W_hh.shape[1:]
    expect(fits, "--params", "W_xh (D, G H), W_hh (H, G H), b_xh and b_hh (G H,) with G = 1, 3 or 4", shapes)
    expect(max(len(W_hh), len(W_xh)) <= LARGEST, "--params", f"H and D up to {LARGEST}", shapes)
    for name, a in given.items():
        expect(a.dtype.kind == "f", "--params", f"{name} of float64 or float32", a.dtype)
        expect(bool(np.isfinite(a).all()), "--params", f"finite numbers in {name}", "NaN or infinity")
    return CELLS[gates], {f"{name}_l0": given[name].astype(np.float64) for name in NAMES}


def data(file: str) -> dict[str, Any]:
    """The data of the page for this layer alone."""
    cell, params = load(file)
    D, H = len(params["W_xh_l0"]), len(params["W_hh_l0"])
    layer = task.CELLS[cell](D, H, dtype=np.float64).with_params(params)
    rng = np.random.default_rng(0)
    x, d_output = rng.normal(size=(task.T, 1, D)), rng.normal(size=(task.T, 1, H))
    sequence = task.Sequence(x, task.initial_state(layer, 1), d_output)
    names = {"start": "yours", "start_name": "yours", "training": "yours", "training_name": "yours"}
    return {
        "runs": {f"{cell}/yours": runs.run(cell, layer, sequence) | names},
        "moments": {cell: moments.as_data(cell)},
        "question": None,
    }
