"""numpy_rnn/split.py: every part by itself against autograd, its sums against the layer, Jacobians against autograd."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import functional_call

from numpy_rnn import GRU, LSTM, RNN
from numpy_rnn.split import jacobians, single_losses, smallest_k2, split, truncated_sum, truncation_bias, window_mask

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
CELLS = {"rnn": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}


def problem(cell: str, T: int, N: int, num_layers: int = 1, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """A layer in float64, x, d_output and initial states that are not zero."""
    rng = np.random.default_rng(seed)
    layer = LAYERS[cell](3, 4, num_layers=num_layers, dtype=np.float64, rng=rng)
    h_0 = tuple(rng.normal(size=(num_layers, N, 4)) for _ in layer.state_names)
    x, d_output = rng.normal(size=(T, N, 3)), rng.normal(size=(T, N, 4))
    return layer, x, d_output, h_0 if len(h_0) > 1 else h_0[0]


def torch_steps(cell: str, layer: Any, x: Any, states: Any) -> tuple[list[dict[str, torch.Tensor]], list[Any]]:
    """The same layer with weights of its own at every step: they are what the parts are the gradients of."""
    module = CELLS[cell](3, 4, dtype=torch.float64)
    names = {"W_xh_l0": "weight_ih", "W_hh_l0": "weight_hh", "b_xh_l0": "bias_ih", "b_hh_l0": "bias_hh"}
    weights, outputs = [], []
    for x_t in torch.tensor(x):
        own = {theirs: torch.tensor(layer.params[ours].T.copy(), requires_grad=True) for ours, theirs in names.items()}
        states = functional_call(module, own, (x_t, states))
        weights.append(own)
        outputs.append(states)
    return weights, outputs


@pytest.mark.parametrize("cell", LAYERS)
def test_each_part_is_autograds(cell: str) -> None:
    """Each by its own size: over 12 steps with small weights the far parts are much smaller than the near ones."""
    T = 12
    layer, x, d_output, h_0 = problem(cell, T, 2)
    layer = layer.with_params({name: 0.1 * p for name, p in layer.params.items()})
    parts = split(layer, x, d_output, h_0)
    states = tuple(torch.tensor(s[0]) for s in h_0) if cell == "lstm" else torch.tensor(h_0[0])
    weights, outputs = torch_steps(cell, layer, x, states)
    names = {"W_xh_l0": "weight_ih", "W_hh_l0": "weight_hh", "b_xh_l0": "bias_ih", "b_hh_l0": "bias_hh"}
    sizes = []
    for t in range(T):
        h = outputs[t][0] if cell == "lstm" else outputs[t]
        loss = (h * torch.tensor(d_output[t])).sum()
        for ours, theirs in names.items():
            leaves = [weights[k][theirs] for k in range(t + 1)]
            for k, grad in enumerate(torch.autograd.grad(loss, leaves, retain_graph=True)):
                expected = grad.numpy().T
                np.testing.assert_allclose(
                    parts[ours][t, k], expected, rtol=0, atol=1e-11 * np.abs(expected).max(), err_msg=f"{ours} {t} {k}"
                )
                sizes.append(np.abs(expected).max())
        for ours in names:
            assert not parts[ours][t, t + 1 :].any()
    assert min(sizes) < 1e-4 * max(sizes)


@given(
    cell=st.sampled_from(list(LAYERS)),
    T=st.integers(1, 6),
    N=st.integers(1, 3),
    num_layers=st.integers(1, 2),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
def test_masked_and_summed_it_is_truncated_backpropagation(
    cell: str, T: int, N: int, num_layers: int, seed: int, data: st.DataObject
) -> None:
    """Full, and for every k1 and k2; in every parameter of every layer."""
    layer, x, d_output, h_0 = problem(cell, T, N, num_layers, seed)
    k2 = data.draw(st.integers(1, T))
    k1 = data.draw(st.integers(1, k2))
    parts = split(layer, x, d_output, h_0)
    _, _, cache = layer.forward(x, h_0)
    for limits in ({}, {"k1": k1, "k2": k2}):
        grads = layer.backward(d_output, None, cache, **limits).params
        for name, grad in grads.items():
            np.testing.assert_allclose(truncated_sum(parts[name], **limits), grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", LAYERS)
def test_a_jacobian_is_autograds(cell: str) -> None:
    T = 6
    layer, x, _, h_0 = problem(cell, T, 1)
    for state, at in zip(layer.state_names, range(2), strict=False):
        J = jacobians(layer, x, h_0, state)
        np.testing.assert_array_equal(J[T], np.eye(4))
        states = [torch.tensor(s[0]) for s in (h_0 if cell == "lstm" else (h_0,))]
        for k in range(T):  # on from the states of step k, which nothing else has made
            states = [s.detach().requires_grad_() for s in states]
            _, outputs = torch_steps(cell, layer, x[k:], tuple(states) if cell == "lstm" else states[0])
            last = outputs[-1][at] if cell == "lstm" else outputs[-1]
            for j in range(4):
                (row,) = torch.autograd.grad(last[0, j], states[at], retain_graph=True)
                np.testing.assert_allclose(J[k, j], row[0].numpy(), rtol=1e-11, atol=1e-13)
            states = list(outputs[0]) if cell == "lstm" else [outputs[0]]


def test_without_initial_states_they_are_zeros() -> None:
    layer, x, d_output, h_0 = problem("gru", 3, 1)
    np.testing.assert_array_equal(split(layer, x, d_output)["W_hh_l0"], split(layer, x, d_output, 0 * h_0)["W_hh_l0"])
    np.testing.assert_array_equal(jacobians(layer, x), jacobians(layer, x, 0 * h_0))


def test_bias_cosine_and_smallest_k2_of_a_gradient_that_one_can_see() -> None:
    """One number for each loss and step: 1 at the step of the loss, halved at every step back."""
    G = np.tril(0.5 ** (np.arange(4)[:, None] - np.arange(4)))[..., None]
    assert truncated_sum(G)[0] == 4 + 3 / 2 + 2 / 4 + 1 / 8
    assert truncation_bias(G, 1, 1) == (pytest.approx(2.125 / 6.125), 1.0)
    assert truncation_bias(G, 4, 4) == (0.0, 1.0)
    assert [smallest_k2(G, share) for share in (0.5, 0.2, 0.05, 0.01)] == [1, 2, 3, 4]
    turned = np.concatenate((G, G[::-1].T.reshape(4, 4, 1)), axis=-1)
    assert truncation_bias(turned, 1, 1).cosine < 1


def test_a_bias_of_just_the_share_is_not_below_it() -> None:
    G = np.zeros((2, 2, 1))
    G[1] = [[1.0], [1.0]]
    assert truncation_bias(G, 1, 1) == (0.5, 1.0)
    assert smallest_k2(G, 0.5) == 2


def test_a_truncation_that_keeps_nothing_misses_all() -> None:
    G = np.zeros((2, 2, 1))
    G[1, 0] = 1.0
    assert truncation_bias(G, 1, 1) == (1.0, 0.0)


@pytest.mark.parametrize("cell", LAYERS)
def test_parts_and_jacobians_have_the_layers_dtype(cell: str) -> None:
    x, d_output = data()
    layer = LAYERS[cell](3, 4)
    assert {part.dtype for part in split(layer, x, d_output).values()} == {np.dtype(np.float32)}
    assert jacobians(layer, x[:, :1]).dtype == np.float32
    with pytest.raises(ValueError, match="d_output: expected a float32 array"):
        split(layer, x, d_output.astype(np.float64))


def test_a_bias_that_grows_again_counts_up_to_its_last_step() -> None:
    """The far part has the other sign: with k2 = 2 nothing is missed by chance, and with k2 = 3 it is."""
    G = np.zeros((3, 3, 1))
    G[2] = [[2.0], [-2.0], [1.0]]
    assert [truncation_bias(G, 1, k2).relative for k2 in (1, 2, 3)] == [0.0, 2.0, 0.0]
    assert smallest_k2(G, 0.1) == 3


def test_parts_that_are_numbers() -> None:
    """Without axes of a parameter, and a single one."""
    assert truncation_bias(np.array([[3.0]]), 1, 1) == (0, 1)
    assert truncation_bias(np.array([[3.0, 0.0], [4.0, 5.0]]), 1, 1).relative == pytest.approx(4 / 12)


def test_the_mask() -> None:
    assert window_mask(3).sum() == 6
    assert window_mask(3, 1, 2).tolist() == [[True, False, False], [True, True, False], [False, True, True]]


PARTS = r"^G: expected shape \(T, T, ...\), not empty"


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: split(RNN(3, 4, bidirectional=True), *data()), "layer: expected one direction, got both"),
        (lambda: split(RNN(3, 4), data()[0], data()[1][:2]), r"d_output: expected .*shape \(3, 2, 4\)"),
        (lambda: split(RNN(3, 4), data()[0][:, :, :2], data()[1]), r"x: expected a float32 array of shape \(T, N, 3\)"),
        (lambda: jacobians(RNN(3, 4), data()[0]), r"x: expected shape \(T, 1, D\), got \(3, 2, 3\)"),
        (lambda: next(single_losses(RNN(3, 4), data()[0][:, :, :2], data()[1])), r"x: .* of shape \(T, N, 3\)"),
        (lambda: jacobians(RNN(3, 4, num_layers=2), data()[0][:, :1]), "layer: expected one layer, got 2"),
        (lambda: jacobians(RNN(3, 4), data()[0][:, :1], state="c"), "state: expected"),
        (lambda: truncation_bias(np.zeros((2, 2, 1)), 1, 1), "^G: expected a gradient that is not zero, got zeros$"),
        (lambda: truncation_bias(np.ones((2, 2, 1)), 2, 1), "k2"),
        (lambda: smallest_k2(np.ones((2, 2, 1)), 0.0), r"^share: expected a number in \(0, inf\), got 0.0$"),
        (lambda: smallest_k2(np.zeros((2, 2, 1)), 0.1), "^G: expected a gradient that is not zero, got zeros$"),
        (lambda: truncation_bias(np.ones((0, 0)), 1, 1), rf"{PARTS}, got \(0, 0\)$"),
        (lambda: truncation_bias(np.ones((2, 3)), 1, 1), rf"{PARTS}, got \(2, 3\)$"),
        (lambda: truncation_bias(np.ones(2), 1, 1), rf"{PARTS}, got \(2,\)$"),
        (lambda: jacobians("rnn", data()[0]), "^layer: expected RNNBase, got str$"),
        (lambda: next(single_losses("rnn", *data())), "^layer: expected RNNBase, got str$"),
    ],
)
def test_bad_input(act: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act()


def data() -> tuple[Any, Any]:
    return np.zeros((3, 2, 3), np.float32), np.zeros((3, 2, 4), np.float32)
