"""One gradient, derived in four independent ways, and by finite differences: do they agree, and what do they cost?"""

from __future__ import annotations

import itertools
import time
import tracemalloc
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from numpy_rnn import RNN, ElmanNetwork, numeric_gradients, reduce
from numpy_rnn.layers import Params
from numpy_rnn.rtrl import rtrl
from torch_rnn.comparison import relative_error
from torch_rnn.convert import from_torch_names, to_torch


def gradients(network: ElmanNetwork, x: np.ndarray, y: np.ndarray, h_0: np.ndarray) -> dict[str, Params]:
    """The gradient of L = (1/N) sum over n and t of E_t for every parameter of the network, by the name of the way."""
    losses, _, cache = network.forward(x, y, h_0)
    _, d_losses = reduce(losses)
    bptt = network.backward(d_losses, cache).params

    dh, d_output_layer = network.output_backward(d_losses, cache)  # what E_t says of its own h_t; dW_hy, db_y
    forward = rtrl(network.hidden, x, dh, h_0[None])
    carried = {"W_xh": forward["W_xh_l0"], "W_hh": forward["W_hh_l0"], "b_h": forward["b_xh_l0"]} | d_output_layer

    def loss(params: Params) -> Any:
        dtype = params["W_xh"].dtype
        return reduce(network.with_params(params).forward(x.astype(dtype), y, h_0.astype(dtype))[0])[0]

    module = to_torch(network)
    theirs, _, _ = module(torch.tensor(x), torch.tensor(y), torch.tensor(h_0))
    (theirs.sum() / x.shape[1]).backward()
    named = {name: p.grad.numpy() for name, p in module.named_parameters() if p.grad is not None}
    return {
        "BPTT": bptt,
        "RTRL": {name: carried[name] for name in bptt},
        "complex step": numeric_gradients(loss, network.params, "complex"),
        "autograd": from_torch_names(network, named),
        "finite differences": numeric_gradients(loss, network.params, "central"),
    }


def disagreements(T: int, error: str, seed: int = 0) -> dict[tuple[str, str], float]:
    """For each two ways the largest relative error in norm of any parameter's gradient, T steps, sequences of noise."""
    rng = np.random.default_rng(seed)
    N, D, H, C = 3, 4, 6, 5
    network = ElmanNetwork(D, H, C, error, np.float64, rng)
    for p in network.params.values():
        p[...] = rng.uniform(-0.7, 0.7, p.shape)
    classes = rng.integers(0, C, (T, N))
    y = np.eye(C)[classes] if error == "squared_error" else classes
    ways = gradients(network, rng.normal(size=(T, N, D)), y, rng.uniform(-1, 1, (N, H)))
    return {(one, other): max(relative_error(ways[one][name], ways[other][name]) for name in network.params)
            for one, other in itertools.combinations(ways, 2)}  # fmt: skip


class Cost(NamedTuple):
    seconds: float
    mebibytes: float  # the most that was allocated at one time


def costs(H: int, T: int, N: int = 8) -> dict[str, Cost]:
    """Forward and gradient of an RNN of H inputs and H hidden units, by BPTT and by RTRL."""
    rng = np.random.default_rng(0)
    layer = RNN(H, H, dtype=np.float64, rng=rng)
    x, d_output = rng.normal(size=(T, N, H)), rng.normal(size=(T, N, H))
    ways: dict[str, Callable[[], object]] = {
        "BPTT": lambda: layer.backward(d_output, None, layer.forward(x)[2]),
        "RTRL": lambda: rtrl(layer, x, d_output),
    }
    result = {}
    for name, way in ways.items():
        tracemalloc.start()
        way()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            way()
            seconds.append(time.perf_counter() - start)
        result[name] = Cost(sorted(seconds)[1], peak / 2**20)
    return result
