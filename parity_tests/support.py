"""PyTorch's answer to a drawn problem, and the comparison that every gradient goes through."""

import itertools
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import numpy_rnn
from numpy_rnn.types import Array
from parity_tests.problems import Problem, state, states
from torch_rnn import from_torch_names, to_torch
from torch_rnn.comparison import relative_error

# Relative errors in norm: float32 is allowed as many units in the last place as float64.
TOLERANCE = {"float64": 1e-12, "float32": 5e-4}


class Tally:
    """What the summary at the end of a test run tells about one quantity."""

    def __init__(self) -> None:
        self.examples, self.worst, self.noticed = 0, 0.0, np.inf


TALLIES: dict[tuple[str, str], Tally] = {}


def error_of(ours: Array, theirs: Array, size: float) -> float:
    """|ours - theirs| / max(|theirs|, size). A NaN stays a NaN."""
    error = relative_error(ours, theirs)
    return error * min(1, float(np.linalg.norm(theirs)) / size) if size else error


def assert_close(name: str, ours: Array, theirs: Array, size: float = 0.0) -> None:
    """|ours - theirs| <= TOLERANCE max(|theirs|, size), noted under `name` for the summary.

    A NaN, another shape or another dtype fails. size: see `by_autograd`. Then a relative error is planted into `ours`,
    a smaller one each time that the last one was noticed: the summary has the smallest, which is what the check can do.
    """
    assert ours.shape == theirs.shape, f"{name}: shape {ours.shape}, expected {theirs.shape}"
    assert ours.dtype == theirs.dtype, f"{name}: dtype {ours.dtype}, expected {theirs.dtype}"
    dtype = str(ours.dtype)
    error = error_of(ours, theirs, size)
    tally = TALLIES.setdefault((name, dtype), Tally())
    tally.examples += 1
    tally.worst = float(np.maximum(tally.worst, error))
    assert error <= TOLERANCE[dtype], f"{name}: relative error {error:.2e}\nours\n{ours}\nexpected\n{theirs}"
    while True:
        planted = min(1.0, tally.noticed / 10**0.25)
        if error_of((ours * (1 + planted)).astype(ours.dtype), theirs, size) <= TOLERANCE[dtype]:
            break
        tally.noticed = planted


class Reference(NamedTuple):
    output: Array
    h_n: Any
    grads: numpy_rnn.Grads
    sizes: dict[str, float]  # by a gradient's name: see by_autograd


# What PyTorch computes of a problem: the outputs and the last states as tensors, from x and h_0 and the twin module.
Forward = Callable[[Problem, torch.nn.Module, torch.Tensor, Any], tuple[torch.Tensor, Any]]


def torch_forward(problem: Problem, module: torch.nn.Module, x: torch.Tensor, h_0: Any) -> tuple[torch.Tensor, Any]:
    """The twin module itself, packed where there are lengths."""
    if problem.lengths is None:
        return module(x, h_0)
    packed = pack_padded_sequence(x, torch.tensor(problem.lengths), enforce_sorted=False)
    packed_output, h_n = module(packed, h_0)
    return pad_packed_sequence(packed_output, total_length=len(x))[0], h_n


def by_autograd(problem: Problem, forward: Forward = torch_forward) -> Reference:
    """The same results from the PyTorch twin and torch.autograd.

    A gradient is a sum, and its terms may happen to cancel; then its rounding error is large beside its norm. So
    `sizes` has the largest norm of the same gradient where the arriving ones have random signs.
    """
    layer, module = problem.layer, to_torch(problem.layer)
    x = torch.tensor(problem.x, requires_grad=True)
    shape = (layer.num_layers * layer.directions, x.shape[1], layer.hidden_size)
    zeros = [np.zeros(shape, layer.dtype) for _ in layer.state_names]
    h_0s = [torch.tensor(h, requires_grad=True) for h in states(problem.h_0) or zeros]
    output, h_n = forward(problem, module, x, state(h_0s))
    arriving = [torch.tensor(d) for d in (*states(problem.d_output), *states(problem.d_h_n))]
    results = [*(() if problem.d_output is None else (output,)), *(() if problem.d_h_n is None else states(h_n))]
    names, tensors = zip(*module.named_parameters(), strict=True)

    def gradients(d: Any) -> numpy_rnn.Grads:
        inputs = [x, *h_0s, *tensors]
        dx, *rest = (
            g.detach().numpy()
            for g in torch.autograd.grad(results, inputs, d, retain_graph=True, materialize_grads=True)
        )
        dh_0, dp = rest[: len(h_0s)], rest[len(h_0s) :]
        return numpy_rnn.Grads(dx, state(dh_0), from_torch_names(layer, dict(zip(names, dp, strict=True))))

    grads = gradients(arriving)
    signs = torch.Generator().manual_seed(0)
    sizes = {name: float(np.linalg.norm(g)) for name, g in named(grads)}
    for _ in range(2):
        flipped = [d * (2 * torch.randint(2, d.shape, generator=signs) - 1) for d in arriving]
        sizes = {name: max(sizes[name], float(np.linalg.norm(g))) for name, g in named(gradients(flipped))}
    return Reference(output.detach().numpy(), state([h.detach().numpy() for h in states(h_n)]), grads, sizes)


def check(problem: Problem, forward: Forward = torch_forward) -> None:
    """Values and every gradient against PyTorch, noted in the summary under the layer's kind, all layers together."""
    kind, reference = type(problem.layer).__name__, by_autograd(problem, forward)
    output, h_n, grads = problem.run()
    assert_close(f"{kind} output", output, reference.output)
    for name, ours, theirs in zip(("h_n", "c_n"), states(h_n), states(reference.h_n), strict=False):
        assert_close(f"{kind} {name}", ours, theirs)
    check_gradients(kind, grads, reference)


def check_gradients(kind: str, grads: numpy_rnn.Grads, reference: Reference) -> None:
    for (name, ours), (_, theirs) in zip(named(grads), named(reference.grads), strict=True):
        assert_close(f"{kind} {re.sub('_l[0-9].*', '', name)}", ours, theirs, reference.sizes[name])


def named(grads: numpy_rnn.Grads) -> Iterator[tuple[str, Array]]:
    """("dx", ...), ("dh_0", ...), of an LSTM ("dc_0", ...), ("dW_hh_l0", ...), ..."""
    yield "dx", grads.x
    yield from zip(("dh_0", "dc_0"), states(grads.h_0), strict=False)
    for name, gradient in grads.params.items():
        yield f"d{name}", gradient


def check_initial_values(make: Callable[[int], Any]) -> None:
    """make(seed) has params: each of them is another one for another seed, and none begins with another's numbers.

    Not even with a multiple of them, as two would whose numbers come from generators that start alike.
    """
    one, same, other = (make(seed).params for seed in (1, 1, 2))
    for name, p in one.items():
        np.testing.assert_array_equal(p, same[name], name)
        assert (p != other[name]).all(), name
    for (name, p), (its_name, q) in itertools.combinations(one.items(), 2):
        k = min(p.size, q.size)
        assert k > 2, "of two numbers or fewer nothing can be said"
        a, b = (values.ravel()[:k].astype(np.float64) for values in (p, q))
        assert abs(a @ b) < (1 - 1e-6) * np.linalg.norm(a) * np.linalg.norm(b), (name, its_name)


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """A script that Ctrl-C will stop, even where this process runs in the background and ignores it."""
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def load_script(name: str) -> Any:
    """scripts/NAME.py as a module: its `main` can be called in this process."""
    spec = spec_from_file_location(name, Path(__file__).parent.parent / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
