"""numpy_rnn/base.py: what is refused, and in which words."""

from typing import Any

import numpy as np
import pytest

import numpy_rnn

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
        ({"dtype": None}, "dtype: expected float32 or float64, got None"),
        ({"bias": "no"}, "bias: expected True or False, got 'no'"),
        ({"bidirectional": 2}, "bidirectional: expected True or False, got 2"),
        ({"dropout": 1}, r"dropout: expected a number in \[0, 1\), got 1"),
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
        ({"masks": 3}, "masks: expected a list of arrays, got int"),
        ({"lengths": [[1], [1, 2]]}, r"lengths: expected whole numbers of shape \(2,\), got \[\[1\], \[1, 2\]\]"),
        ({"masks": [X]}, "masks: expected 0, one between two layers, got 1"),
        ({"h_0": (X, X)}, "h_0: expected a float32 array .* got tuple"),
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


LSTM = numpy_rnn.LSTM(3, 4, 2, bidirectional=True)


STATE = np.zeros((4, 2, 4), np.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"h_0": STATE}, r"h_0: expected a pair \(h, c\), got ndarray"),
        ({"h_0": (STATE,)}, r"h_0: expected a pair \(h, c\), got tuple"),
        ({"h_0": (STATE, STATE[:2])}, r"h_0: expected a float32 array of shape \(4, 2, 4\), got float32 \(2, 2, 4\)"),
        ({"h_0": (STATE, None)}, r"h_0: expected a float32 array of shape \(4, 2, 4\), got NoneType"),
        ({"masks": [STATE]}, r"masks: expected a float32 array of shape \(5, 2, 8\), got float32 \(4, 2, 4\)"),
    ],
)
def test_bad_states_and_masks(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LSTM.forward(**{"x": X} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 2, np.random.default_rng(0)), "T: expected a whole number >= 1, got 0"),
        ((5, 2.0, np.random.default_rng(0)), "N: expected a whole number >= 1, got 2.0"),
        ((5, 2, 0), "rng: expected Generator, got int"),
        ((5, 2, None), "rng: expected Generator, got NoneType"),
    ],
)
def test_bad_input_to_dropout_masks(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LSTM.dropout_masks(*arguments)


def test_numpys_numbers_as_settings() -> None:
    """NumPy's True is taken, and kept as Python's, so that a layer prints what made it."""
    layer = numpy_rnn.RNN(np.int64(3), 4, bias=np.True_, bidirectional=np.False_, dropout=np.float32(0.5))
    assert repr(layer) == repr(numpy_rnn.RNN(3, 4, bias=True, bidirectional=False, dropout=0.5))


def test_bad_state_gradients() -> None:
    _, _, cache = LSTM.forward(X)
    with pytest.raises(ValueError, match=r"d_h_n: expected a pair \(h, c\), got ndarray"):
        LSTM.backward(None, STATE, cache)
    with pytest.raises(ValueError, match=r"d_output: expected a float32 array of shape \(5, 2, 8\)"):
        LSTM.backward(STATE, None, cache)


def test_bad_params() -> None:
    p = LAYER.params
    with pytest.raises(ValueError, match=r"params: expected the names \['W_xh_l0', .*\], got \['W_xh_l0'\]"):
        LAYER.with_params({"W_xh_l0": p["W_xh_l0"]})
    with pytest.raises(ValueError, match=r"W_hh_l0: expected a float32 array of shape \(4, 4\), got float32 \(3, 4\)"):
        LAYER.with_params(p | {"W_hh_l0": p["W_xh_l0"]})
    with pytest.raises(ValueError, match=r"b_hh_l0: expected a float32 array of shape \(4,\), got float64 \(4,\)"):
        LAYER.with_params(p | {"b_hh_l0": np.zeros(4)})
    with pytest.raises(ValueError, match=r"W_xh_l0: expected a float64 array of shape \(3, 4\), got int64 \(3, 4\)"):
        LAYER.with_params({name: np.ones(a.shape, np.int64) for name, a in p.items()})
    not_params: Any = [1]
    with pytest.raises(ValueError, match=r"params: expected the names .* got list"):
        LAYER.with_params(not_params)
    with pytest.raises(ValueError, match=r"W_hy: expected a float32 array of shape \(4, 2\), got float32 \(2, 4\)"):
        numpy_rnn.ElmanNetwork(3, 4, 2).with_params(
            {name: a.T if name == "W_hy" else a for name, a in numpy_rnn.ElmanNetwork(3, 4, 2).params.items()}
        )


@pytest.mark.parametrize(
    "other",
    [
        numpy_rnn.RNN(3, 4, 2),
        numpy_rnn.RNN(3, 6),
        numpy_rnn.RNN(3, 4, nonlinearity="relu"),
        numpy_rnn.RNN(3, 4, bidirectional=True),
        numpy_rnn.GRU(3, 4),
        numpy_rnn.RNN(3, 4),
        LAYER.with_params({name: p + 1 for name, p in LAYER.params.items()}),
    ],
    ids=["layers", "units", "relu", "both directions", "GRU", "other weights alone", "with_params"],
)
def test_a_cache_of_another_layer(other: Any) -> None:
    """Not even of one with the same settings: its weights are others."""
    _, _, cache = other.forward(X)
    message = r"cache: expected what forward of this layer, RNN\(3, 4, .* got that of another layer, (RNN|GRU)\(3"
    with pytest.raises(ValueError, match=message):
        LAYER.backward(None, None, cache)


@pytest.mark.parametrize("not_a_cache", [None, {}], ids=["None", "dict"])
def test_no_cache_at_all(not_a_cache: Any) -> None:
    message = rf"cache: expected what forward of this layer, RNN.*, returned, got {type(not_a_cache).__name__}$"
    with pytest.raises(ValueError, match=message):
        LAYER.backward(None, None, not_a_cache)


def test_a_layer_prints_itself() -> None:
    layer = numpy_rnn.RNN(3, 4, 2, "relu", dropout=0.5)
    text = "RNN(3, 4, num_layers=2, nonlinearity='relu', bias=True, bidirectional=False, dropout=0.5, dtype='float32')"
    assert repr(layer) == text
    again = eval(text, vars(numpy_rnn))
    assert repr(again) == text
    assert repr(LSTM) == ("LSTM(3, 4, num_layers=2, bias=True, bidirectional=True, dropout=0.0, dtype='float32')")
