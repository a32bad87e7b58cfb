"""numpy_rnn/base.py: what RNN, LSTM and GRU share: initial values, purity, pads, directions, dropout, bad input."""

import copy
import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import numpy_rnn
from numpy_rnn.types import Array
from parity_tests.problems import CELLS, Problem, draw_problem, draw_weights, make_layer, problems, states
from parity_tests.support import check, check_initial_values, named, torch_forward
from torch_rnn import to_torch
from torch_rnn.comparison import relative_error


def test_initial_values_are_pytorchs() -> None:
    """U(-1/sqrt(H), 1/sqrt(H)) for every parameter: the same bounds, and the quartiles of a uniform distribution."""
    layer = numpy_rnn.RNN(40, 100, 2)
    for name, p in layer.params.items():
        assert np.abs(p).max() <= 0.1, name
        np.testing.assert_allclose(np.quantile(p, [0.25, 0.5, 0.75]), [-0.05, 0, 0.05], atol=5e-1 / np.sqrt(p.size))
    for one, other in itertools.combinations(layer.params.values(), 2):
        assert one.shape != other.shape or not np.array_equal(one, other)
    assert {name: p.shape for name, p in layer.params.items()} == {
        "W_xh_l0": (40, 100),
        "W_hh_l0": (100, 100),
        "b_xh_l0": (100,),
        "b_hh_l0": (100,),
        "W_xh_l1": (100, 100),
        "W_hh_l1": (100, 100),
        "b_xh_l1": (100,),
        "b_hh_l1": (100,),
    }


def test_names_and_shapes_of_gates_and_directions() -> None:
    layer = numpy_rnn.LSTM(3, 4, 2, bidirectional=True)
    assert {name: p.shape for name, p in layer.params.items()} == {
        "W_xh_l0": (3, 16),
        "W_hh_l0": (4, 16),
        "b_xh_l0": (16,),
        "b_hh_l0": (16,),
        "W_xh_l0_reverse": (3, 16),
        "W_hh_l0_reverse": (4, 16),
        "b_xh_l0_reverse": (16,),
        "b_hh_l0_reverse": (16,),
        "W_xh_l1": (8, 16),
        "W_hh_l1": (4, 16),
        "b_xh_l1": (16,),
        "b_hh_l1": (16,),
        "W_xh_l1_reverse": (8, 16),
        "W_hh_l1_reverse": (4, 16),
        "b_xh_l1_reverse": (16,),
        "b_hh_l1_reverse": (16,),
    }
    assert {name: p.shape for name, p in numpy_rnn.GRU(3, 4, bias=False).params.items()} == {
        "W_xh_l0": (3, 12),
        "W_hh_l0": (4, 12),
    }
    for one, other in itertools.combinations(layer.params.values(), 2):
        assert one.shape != other.shape or not np.array_equal(one, other)


def test_the_same_seed_gives_the_same_bits() -> None:
    one, same = numpy_rnn.RNN(3, 4), numpy_rnn.RNN(3, 4, rng=np.random.default_rng(0))
    other = numpy_rnn.RNN(3, 4, rng=np.random.default_rng(1))
    for name, p in one.params.items():
        np.testing.assert_array_equal(p, same.params[name])
        assert not np.array_equal(p, other.params[name])


@pytest.mark.parametrize("cell", CELLS)
def test_every_parameter_is_drawn_from_rng(cell: str) -> None:
    settings = {"bidirectional": True, "dtype": np.float64}
    check_initial_values(lambda seed: make_layer(cell, 3, 4, 2, rng=np.random.default_rng(seed), **settings))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell", CELLS)
def test_results_keep_the_dtype_of_the_parameters(cell: str, dtype: Any) -> None:
    layer = make_layer(cell, 3, 4, 2, dropout=0.5, dtype=dtype)
    masks = layer.dropout_masks(5, 2, np.random.default_rng(0))
    output, h_n, cache = layer.forward(np.ones((5, 2, 3), dtype), lengths=[5, 2], masks=masks)
    for k1, k2 in ((None, None), (2, 3)):
        grads = layer.backward(output, h_n, cache, k1, k2)
        for array in (output, *states(h_n), *(gradient for _, gradient in named(grads)), *layer.params.values()):
            assert array.dtype == dtype


@given(problems())
def test_no_gradients_in_means_no_gradients_out(problem: Problem) -> None:
    problem.d_output = problem.d_h_n = None
    _, _, grads = problem.run()
    assert not any(np.any(gradient) for _, gradient in named(grads))


def test_the_cache_keeps_lengths_of_its_own() -> None:
    lengths = np.array([5, 3, 2])
    output, _, cache = LAYER.forward(np.ones((5, 3, 3), np.float32), lengths=lengths)
    before = LAYER.backward(output, None, cache)
    lengths[:] = 1
    np.testing.assert_array_equal(LAYER.backward(output, None, cache).x, before.x)


@pytest.mark.parametrize("kind", [list, tuple, np.uint8, np.int32, np.uint64], ids=lambda kind: kind.__name__)
def test_lengths_of_any_whole_number_kind(kind: Any) -> None:
    x = np.random.default_rng(0).normal(size=(5, 3, 3)).astype(np.float32)
    lengths = kind([2, 5, 1]) if kind in (list, tuple) else np.array([2, 5, 1], kind)
    np.testing.assert_array_equal(LAYER.forward(x, lengths=lengths)[0], LAYER.forward(x, lengths=[2, 5, 1])[0])


@pytest.mark.parametrize("sizes", list(itertools.product((1, 2), repeat=5)), ids=str)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True], ids=["forwards", "both"])
def test_edge_sizes(sizes: tuple[int, ...], cell: str, bidirectional: bool) -> None:
    """T = 1, N = 1, D = 1, H = 1, one layer: each alone and all together."""
    T, N, *layer_sizes = sizes
    rng = np.random.default_rng(sizes)
    layer = make_layer(cell, *layer_sizes, bidirectional=bidirectional, dtype=np.float64)
    draw_weights(rng, layer, "0.5")
    check(draw_problem(rng, layer, T, N))


@given(problems(lengths=True), st.sampled_from([np.nan, np.inf, 1e30]))
def test_whatever_stands_in_the_pads_changes_nothing(problem: Problem, rubbish: float) -> None:
    assert problem.lengths is not None
    clean = everything(problem)
    pads = np.arange(len(problem.x))[:, None] >= problem.lengths
    problem.x[pads] = rubbish
    if problem.d_output is not None:
        problem.d_output[pads] = rubbish
    dirty = everything(problem)
    assert not clean["output"][pads].any()
    assert not clean["dx"][pads].any()
    for name, array in clean.items():
        np.testing.assert_array_equal(dirty[name], array, name)


@given(problems(lengths=True))
def test_padded_equals_each_sequence_alone(problem: Problem) -> None:
    """Values and every gradient; the parameters' gradients are the sums over the sequences."""
    assert problem.lengths is not None
    together = everything(problem)
    sums = {name: np.zeros_like(together[name]) for name in together if name[1:] in problem.layer.params}
    for n, length in enumerate(problem.lengths):
        for name, alone in everything(problem.alone(n, length)).items():
            if name in sums:
                sums[name] += alone
            else:
                steps = length if name in ("output", "dx") else None
                np.testing.assert_allclose(together[name][:steps, n : n + 1], alone, rtol=1e-9, atol=1e-14)
    for name, total in sums.items():
        np.testing.assert_allclose(together[name], total, rtol=1e-9, atol=1e-12)


@given(problems(), st.sampled_from([(None, None), (2, 3)]))
def test_backward_twice_gives_the_same_bits(problem: Problem, ks: tuple[int | None, int | None]) -> None:
    k1, k2 = (None, None) if problem.layer.bidirectional else ks
    output, h_n, cache = problem.layer.forward(problem.x, problem.h_0, problem.lengths, problem.masks)
    first = problem.layer.backward(problem.d_output, problem.d_h_n, cache, k1, k2)
    for array in (output, *states(h_n), *(gradient for _, gradient in named(first))):
        array[...] = np.nan  # a result belongs to the caller
    second = problem.layer.backward(problem.d_output, problem.d_h_n, cache, k1, k2)
    third = problem.layer.backward(problem.d_output, problem.d_h_n, cache, k1, k2)
    for (_, a), (_, b) in zip(named(second), named(third), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_array_equal(a, b)


@given(problems())
def test_no_argument_is_changed(problem: Problem) -> None:
    before = copy.deepcopy(problem)
    problem.run()
    np.testing.assert_equal(vars(problem) | {"layer": None}, vars(before) | {"layer": None})
    np.testing.assert_equal(problem.layer.params, before.layer.params)


@given(problems())
def test_no_result_shares_memory_with_another(problem: Problem) -> None:
    """An optimizer that scales one gradient in place must not scale a second one."""
    for (one, a), (other, b) in itertools.combinations(everything(problem).items(), 2):
        assert not np.shares_memory(a, b), (one, other)


def everything(problem: Problem) -> dict[str, Array]:
    """All results by name."""
    output, h_n, grads = problem.run()
    return {"output": output} | dict(zip(("h_n", "c_n"), states(h_n), strict=False)) | dict(named(grads))


@given(problems(["tanh", "LSTM", "GRU"], bidirectional=True, lengths=True, most_layers=1))
def test_the_second_direction_is_a_layer_on_the_reversed_sequence(problem: Problem) -> None:
    both, x = problem.layer, problem.x
    one = type(both)(both.input_size, both.hidden_size, bias=both.bias, dtype=np.float64)
    one = one.with_params({name: both.params[f"{name}_reverse"] for name in one.params})
    output, _, _ = both.forward(x, lengths=problem.lengths)
    assert problem.lengths is not None
    for n, length in enumerate(problem.lengths):
        back_to_front, _, _ = one.forward(x[:length, n : n + 1][::-1].copy())
        np.testing.assert_allclose(output[:length, n, one.hidden_size :], back_to_front[::-1, 0], rtol=1e-12)


@given(problems(dropout=0.4), st.integers(0, 2**32 - 1))
def test_dropout_between_layers_equals_pytorchs_own(problem: Problem, seed: int) -> None:
    """nn.RNN in training draws its masks from PyTorch's generator; the same draws, made again, are ours."""
    (T, N, _), width = problem.x.shape, problem.layer.directions * problem.layer.hidden_size
    lengths = np.full(N, T) if problem.lengths is None else problem.lengths
    order = np.argsort(-lengths, kind="stable")  # packed: the longest first
    real = np.arange(T)[:, None] < lengths[order]
    torch.manual_seed(seed)
    problem.masks = []
    for _ in range(problem.layer.num_layers - 1):
        ones = torch.ones((T, N, width) if problem.lengths is None else (real.sum(), width), dtype=torch.float64)
        mask = np.zeros((T, N, width))
        mask[real] = torch.nn.functional.dropout(ones, 0.4).numpy().reshape(-1, width)
        problem.masks.append(mask[:, np.argsort(order)])

    def forward(*arguments: Any) -> Any:
        torch.manual_seed(seed)
        return torch_forward(*arguments)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "dropout option adds dropout after all but last")  # where there is one layer
        check(problem, forward)


def test_dropout_masks() -> None:
    layer = numpy_rnn.GRU(2, 40, 3, bidirectional=True, dropout=0.25)
    masks = layer.dropout_masks(50, 3, np.random.default_rng(0))
    assert [mask.shape for mask in masks] == [(50, 3, 80)] * 2
    assert [mask.dtype for mask in masks] == [np.float32] * 2
    assert not np.array_equal(*masks)
    np.testing.assert_array_equal(np.unique(masks), np.float32([0, 4 / 3]))
    assert (masks[0] == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert numpy_rnn.RNN(2, 3, dropout=0.25).dropout_masks(5, 1, np.random.default_rng(0)) == []


@given(problems())
def test_with_params(problem: Problem) -> None:
    """Another layer of the same kind with these very arrays, in its own order, whatever the given dict becomes; complex
    ones for a complex step. It alters no layer."""
    other = {name: p + 0.1 for name, p in reversed(problem.layer.params.items())}
    before = problem.layer.forward(problem.x)[0]
    twin = problem.layer.with_params(other)
    np.testing.assert_array_equal(problem.layer.forward(problem.x)[0], before)
    changed = twin.forward(problem.x)[0]
    assert twin.params is not other
    assert list(twin.params) == list(problem.layer.params)
    assert all(twin.params[name] is p for name, p in other.items())
    for name, p in problem.layer.params.items():
        p[...] = other[name]
    np.testing.assert_array_equal(problem.layer.forward(problem.x)[0], changed)
    complex_twin = twin.with_params({name: p.astype(np.complex128) for name, p in other.items()})
    output, _, _ = complex_twin.forward(problem.x.astype(np.complex128))
    assert output.dtype == np.complex128
    assert not output.imag.any()
    assert relative_error(output.real, changed) < 1e-12
    np.testing.assert_array_equal(twin.forward(problem.x)[0], changed)


LAYER = numpy_rnn.RNN(3, 4)


def test_the_gradients_have_pytorchs_names() -> None:
    layer = numpy_rnn.RNN(3, 4, 2)
    assert list(dict(to_torch(layer).named_parameters())) == [
        "weight_ih_l0",
        "weight_hh_l0",
        "bias_ih_l0",
        "bias_hh_l0",
        "weight_ih_l1",
        "weight_hh_l1",
        "bias_ih_l1",
        "bias_hh_l1",
    ]
