"""numpy_rnn/stack.py: initial values, what is refused, and in which words."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import numpy_rnn
from parity_tests.support import Problem, problems
from torch_rnn import to_torch


def test_initial_values_are_pytorchs() -> None:
    """U(-1/sqrt(H), 1/sqrt(H)) for every parameter: the same bounds, and the quartiles of a uniform distribution."""
    layer = numpy_rnn.RNN(40, 100, 2)
    for name, p in layer.params.items():
        assert np.abs(p).max() <= 0.1, name
        np.testing.assert_allclose(np.quantile(p, [0.25, 0.5, 0.75]), [-0.05, 0, 0.05], atol=5e-1 / np.sqrt(p.size))
    for one, other in itertools.combinations(layer.params.values(), 2):
        assert one.shape != other.shape or not np.array_equal(one, other)
    assert {name: p.shape for name, p in layer.params.items()} == {
        "W_xh_l0": (40, 100), "W_hh_l0": (100, 100), "b_xh_l0": (100,), "b_hh_l0": (100,),
        "W_xh_l1": (100, 100), "W_hh_l1": (100, 100), "b_xh_l1": (100,), "b_hh_l1": (100,),
    }  # fmt: skip


def test_the_same_seed_gives_the_same_bits() -> None:
    one, same = numpy_rnn.RNN(3, 4), numpy_rnn.RNN(3, 4, rng=np.random.default_rng(0))
    other = numpy_rnn.RNN(3, 4, rng=np.random.default_rng(1))
    for name, p in one.params.items():
        np.testing.assert_array_equal(p, same.params[name])
        assert not np.array_equal(p, other.params[name])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_keep_the_dtype_of_the_parameters(dtype: Any) -> None:
    layer = numpy_rnn.RNN(3, 4, 2, dtype=dtype)
    output, h_n, cache = layer.forward(np.ones((5, 2, 3), dtype), lengths=[5, 2])
    grads = layer.backward(output, h_n, cache)
    for array in (output, h_n, grads.x, grads.h_0, *grads.params.values(), *layer.params.values()):
        assert array.dtype == dtype


@given(problems())
def test_no_gradients_in_means_no_gradients_out(problem: Problem) -> None:
    problem.d_output = problem.d_h_n = None
    _, _, grads = problem.run()
    assert not any(np.any(g) for g in (grads.x, grads.h_0, *grads.params.values()))


@pytest.mark.parametrize("kind", [list, tuple, np.uint8, np.int32, np.uint64], ids=lambda kind: kind.__name__)
def test_lengths_of_any_whole_number_kind(kind: Any) -> None:
    x = np.random.default_rng(0).normal(size=(5, 3, 3)).astype(np.float32)
    lengths = kind([2, 5, 1]) if kind in (list, tuple) else np.array([2, 5, 1], kind)
    np.testing.assert_array_equal(LAYER.forward(x, lengths=lengths)[0], LAYER.forward(x, lengths=[2, 5, 1])[0])


LAYER = numpy_rnn.RNN(3, 4)
X = np.zeros((5, 2, 3), np.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_size": 0}, "input_size: expected a whole number >= 1, got 0"),
        ({"hidden_size": 2.5}, "hidden_size: expected a whole number >= 1, got 2.5"),
        ({"num_layers": True}, "num_layers: expected a whole number >= 1, got True"),
        ({"nonlinearity": "sigmoid"}, "nonlinearity: expected one of 'tanh', 'relu', got 'sigmoid'"),
        ({"dtype": np.float16}, "dtype: expected float32 or float64, got"),
        ({"dtype": "bogus,,"}, "dtype: expected float32 or float64, got 'bogus,,'"),
        ({"rng": 0}, "rng: expected a numpy.random.Generator, got int"),
        ({"dtype": "number"}, "dtype: expected float32 or float64, got 'number'"),
    ],
)
def test_bad_sizes(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        numpy_rnn.RNN(**{"input_size": 3, "hidden_size": 4} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": X[0]}, r"x: expected a float32 array of shape \(T, N, 3\), got float32 \(2, 3\)"),
        ({"x": X[:, :, :2]}, r"x: .* got float32 \(5, 2, 2\)"),
        ({"x": X[:0]}, r"x: .* got float32 \(0, 2, 3\)"),
        ({"x": X.astype(np.float64)}, r"x: .* got float64 \(5, 2, 3\)"),
        ({"x": X.tolist()}, "x: .* got list"),
        ({"h_0": X[:1, :, :]}, r"h_0: expected a float32 array of shape \(1, 2, 4\), got float32 \(1, 2, 3\)"),
        ({"lengths": [5]}, r"lengths: expected whole numbers in 1..5 of shape \(2,\), got int64 \(1,\)"),
        ({"lengths": [5, 0]}, r"lengths: expected whole numbers in 1..5 of shape \(2,\), got 0 among them"),
        ({"lengths": [6, 1]}, "lengths: .* got 6 among them"),
        ({"lengths": [1.0, 2.0]}, "lengths: .* got float64"),
    ],
)
def test_bad_input_to_forward(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LAYER.forward(**{"x": X} | arguments)


@pytest.mark.parametrize(
    ("d_output", "d_h_n", "message"),
    [
        (X, None, r"d_output: expected a float32 array of shape \(5, 2, 4\), got float32 \(5, 2, 3\)"),
        (None, X, r"d_h_n: expected a float32 array of shape \(1, 2, 4\), got float32 \(5, 2, 3\)"),
        (np.zeros((5, 2, 4)), None, "d_output: .* got float64"),
    ],
)
def test_bad_input_to_backward(d_output: Any, d_h_n: Any, message: str) -> None:
    _, _, cache = LAYER.forward(X)
    with pytest.raises(ValueError, match=message):
        LAYER.backward(d_output, d_h_n, cache)


def test_a_cache_of_another_layer() -> None:
    _, _, cache = numpy_rnn.RNN(3, 4, 2).forward(X)
    with pytest.raises(ValueError, match="cache: expected 1 layers, got 2"):
        LAYER.backward(None, None, cache)
    _, _, cache = numpy_rnn.RNN(3, 6).forward(X)
    with pytest.raises(ValueError, match=r"cache: expected D, H, dtype = \(3, 4, 'float32'\), got \(3, 6, 'float32'\)"):
        LAYER.backward(None, None, cache)
    not_a_cache: Any = None
    with pytest.raises(ValueError, match="cache: expected what forward returned, got NoneType"):
        LAYER.backward(None, None, not_a_cache)


def test_the_gradients_have_pytorchs_names() -> None:
    layer = numpy_rnn.RNN(3, 4, 2)
    assert list(dict(to_torch(layer).named_parameters())) == [
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0",
        "weight_ih_l1", "weight_hh_l1", "bias_ih_l1", "bias_hh_l1",
    ]  # fmt: skip
