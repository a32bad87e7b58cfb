"""numpy_rnn/sentiment/models.py: the two systems against their twins, read-out by read-out."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from numpy_rnn import Dropout, cross_entropy
from numpy_rnn.sentiment import BasicRNN, Config, RNNCellNet, build_model
from numpy_rnn.sentiment.readouts import READOUTS
from parity_tests.support import assert_close, check_initial_values
from torch_rnn import from_torch_names, to_torch
from torch_rnn.loops import FusedLoop

SMALL = Config(embedding_size=3, embedding_std=1.0, hidden_size=4, dtype="float64")


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 6),
    st.integers(1, 4),
    st.sampled_from(list(READOUTS)),
    st.sampled_from([("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]),
    st.integers(2, 3),
    st.booleans(),
    st.sampled_from(
        [
            {"system": "rnncell"},
            {},
            {"num_layers": 2},
            {"sigmoid": True},
            {"bidirectional": True},
            {"bidirectional": True, "num_layers": 2},
        ]
    ),
)
def test_logits_and_every_gradient(
    seed: int, T: int, N: int, readout: str, cell: tuple[str, str], C: int, dropout: bool, options: dict[str, Any]
) -> None:
    if options.get("bidirectional") and readout != "mean":
        readout = "max"  # at one step the second direction has read next to nothing: refused
    config = replace(SMALL, readout=readout, cell=cell[0], nonlinearity=cell[1], seed=seed, outputs=C, **options)
    model, rng = build_model(7, config), np.random.default_rng(seed)
    ids, lengths, d_logits = rng.integers(0, 7, (T, N)), rng.integers(1, T + 1, N), rng.normal(size=(N, C))
    mask = Dropout(0.5).mask((N, config.features), "float64", rng) if dropout else None
    logits, cache = model.forward(ids, lengths, mask)
    grads = model.backward(d_logits, cache)
    twin = to_torch(model)
    assert type(model).__name__ == type(twin).__name__ == ("RNNCellNet" if options.get("system") else "BasicRNN")
    recurrent = getattr(twin.rnn, "cell", twin.rnn)
    assert type(model.rnn).__name__ == type(recurrent).__name__.removesuffix("Cell") == cell[0].upper()
    if cell[0] == "rnn":
        assert (model.rnn.nonlinearity, recurrent.nonlinearity) == (cell[1], cell[1])
    theirs = twin(torch.tensor(ids), torch.tensor(lengths), None if mask is None else torch.tensor(mask))
    theirs.backward(torch.tensor(d_logits))
    expected = from_torch_names(model, {name: p.grad.numpy() for name, p in twin.named_parameters()})
    assert_close(f"{type(model).__name__}, logits", logits, theirs.detach().numpy())
    assert list(grads) == list(model.params)
    for name, gradient in grads.items():
        size = 0.01 * np.linalg.norm(d_logits) if mask is None or mask.any() else 0.0
        assert_close(f"{type(model).__name__} d{name}", gradient, expected[name], size)


def test_the_read_outs_differ_where_there_are_pads() -> None:
    ids, lengths = np.array([[2, 3], [4, 1], [5, 1]]), np.array([3, 1])
    logits = {readout: BasicRNN(7, replace(SMALL, readout=readout)).forward(ids, lengths)[0] for readout in READOUTS}
    np.testing.assert_allclose(logits["last"][0], logits["last_real"][0])  # no pads: the same
    for readout in ("mean", "max"):
        np.testing.assert_allclose(logits[readout][1], logits["last_real"][1])  # one real step: the same
    assert not np.allclose(logits["last"][1], logits["last_real"][1])
    for one, other in combinations(("mean", "max", "last_real"), 2):
        assert not np.allclose(logits[one][0], logits[other][0])


def test_the_maximum_sends_each_units_error_to_one_word() -> None:
    """Without W_hh each word has a state of its own: then every other word gets nothing, and the pads never do."""
    model = BasicRNN(7, replace(SMALL, readout="max", hidden_size=1))
    model.rnn.params["W_hh_l0"][...] = 0
    ids, lengths = np.array([[2, 3], [4, 5], [5, 1], [6, 1]]), np.array([4, 2])
    _, cache = model.forward(ids, lengths)
    dx, _ = model.backward_to_embeddings(np.array([[1.0, 0.0], [1.0, 0.0]]), cache)
    states = model.rnn.forward(model.embedding.forward(ids)[0], lengths=lengths)[0][:, :, 0]  # (T, N)
    largest = [states[:4, 0].argmax(), states[:2, 1].argmax()]
    expected = np.zeros((4, 2), bool)
    expected[largest, [0, 1]] = True
    np.testing.assert_array_equal(dx.any(axis=2), expected)


@pytest.mark.parametrize("readout", list(READOUTS))
def test_float32_stays_float32(readout: str) -> None:
    model = BasicRNN(7, replace(SMALL, readout=readout, dtype="float32"))
    logits, cache = model.forward(np.array([[2, 3], [4, 1]]), np.array([2, 1]))
    assert logits.dtype == np.float32
    assert all(gradient.dtype == np.float32 for gradient in model.backward(logits, cache).values())


def test_the_cache_is_the_models_own() -> None:
    model, ids, lengths = BasicRNN(7, SMALL), np.array([[2, 3], [4, 1]]), np.array([2, 1])
    logits, cache = model.forward(ids, lengths)
    before = model.backward(logits, cache)
    ids[:], lengths[:] = 0, 1
    for name, gradient in model.backward(logits, cache).items():
        np.testing.assert_array_equal(gradient, before[name])


def test_settings_reach_the_model() -> None:
    one, wide, other = (
        BasicRNN(900, replace(SMALL, **changed)).params for changed in ({}, {"embedding_std": 0.01}, {"seed": 1})
    )
    assert one["embedding.W"].std() == pytest.approx(1, rel=0.1)
    assert wide["embedding.W"].std() == pytest.approx(0.01, rel=0.1)
    assert not any(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("options", [{"system": "rnncell"}, {"num_layers": 2}, {"bidirectional": True}], ids=str)
def test_every_parameter_is_drawn_from_the_seed(cell: str, options: dict[str, Any]) -> None:
    check_initial_values(lambda seed: build_model(7, replace(SMALL, cell=cell, outputs=3, seed=seed, **options)))


@pytest.mark.parametrize("options", [{}, {"sigmoid": True}, {"system": "rnncell"}], ids=str)
def test_the_logits_are_of_their_own(options: dict[str, Any]) -> None:
    """Who writes into them changes no gradient."""
    model, d_logits = build_model(7, replace(SMALL, **options)), np.ones((2, 2))
    logits, cache = model.forward(np.array([[2, 3], [4, 1]]), np.array([2, 1]))
    before = model.backward(d_logits, cache)
    logits[:] = 7
    for name, gradient in model.backward(d_logits, cache).items():
        np.testing.assert_array_equal(gradient, before[name])


def test_a_cache_of_another_model() -> None:
    model, other = BasicRNN(7, SMALL), BasicRNN(7, SMALL)
    logits, cache = other.forward(np.array([[2, 3], [4, 1]]), np.array([2, 1]))
    with pytest.raises(ValueError, match="of this model returned, got another one's"):
        model.backward(logits, cache)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_starting_with_the_identity(num_layers: int) -> None:
    """Nothing else changes; and a small state stays what it is when nothing comes in."""
    config = replace(SMALL, num_layers=num_layers)
    plain, identity = (BasicRNN(7, replace(config, recurrent_init=init)) for init in ("uniform", "identity"))
    for name, p in identity.params.items():
        if "W_hh" in name:
            np.testing.assert_array_equal(p, np.eye(4))
        elif "rnn.b_" in name:
            assert not p.any()
        else:
            np.testing.assert_array_equal(p, plain.params[name])
    h_0 = np.full((num_layers, 1, 4), 1e-4)
    identity.rnn.params["W_xh_l0"][...] = 0
    _, h_n, _ = identity.rnn.forward(np.ones((100, 1, 3)), h_0)
    np.testing.assert_allclose(h_n[0], h_0[0], rtol=1e-5)


def test_training_the_params_trains_the_layers() -> None:
    """model.params are the layers' own arrays: an update in place reaches the next forward pass."""
    model = BasicRNN(7, SMALL)
    ids, lengths = np.array([[2], [3]]), np.array([2])
    before, _ = model.forward(ids, lengths)
    for p in model.params.values():
        p += 0.1
    assert not np.allclose(before, model.forward(ids, lengths)[0])


@pytest.mark.parametrize(
    ("ids", "lengths", "message"),
    [
        ([[7]], [1], "ids: expected whole numbers in 0..6"),
        ([[1]], [2], "lengths: expected whole numbers in 1..1"),
        ([[1]], [0], "lengths: expected whole numbers in 1..1"),
        ([[1]], [1, 1], "lengths: expected"),
    ],
)
@pytest.mark.parametrize("readout", list(READOUTS))
def test_bad_input(ids: Any, lengths: Any, message: str, readout: str) -> None:
    with pytest.raises(ValueError, match=message):
        BasicRNN(7, replace(SMALL, readout=readout)).forward(np.array(ids), np.array(lengths))


def test_a_mask_of_another_shape_or_dtype() -> None:
    for mask in (np.ones((2, 4)), np.ones((1, 4), np.float32)):
        with pytest.raises(ValueError, match=r"mask: expected a float64 array of shape \(1, 4\)"):
            BasicRNN(7, SMALL).forward(np.array([[2]]), np.array([1]), mask)


def test_a_captured_loop_is_taken_for_its_shape_in_training_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What make_graphed_callables records needs a GPU, torch.compile a compiler; here a loop counts its calls."""
    calls: list[Any] = []

    def stand_in(loop: torch.nn.Module, sample: tuple[torch.Tensor]) -> Any:
        assert isinstance(loop, FusedLoop)
        assert sample[0].shape == (6, 3, 3)
        assert sample[0].requires_grad
        assert sample[0].dtype == torch.float64
        return lambda x: calls.append(x.shape) or loop(x)

    monkeypatch.setattr(torch.cuda, "make_graphed_callables", stand_in)
    monkeypatch.setattr(torch, "compile", lambda step, **_: step)
    config = replace(SMALL, system="rnncell")
    plain, captured = (to_torch(build_model(7, config)) for _ in range(2))
    captured.capture(6, 3)
    assert plain.state_dict().keys() == captured.state_dict().keys()
    for N in (3, 2):  # the last batch may be smaller
        ids, lengths = torch.randint(0, 7, (6, N), generator=torch.Generator().manual_seed(0)), torch.full((N,), 6)
        for model in (plain, captured):
            model(ids, lengths).sum().backward()
    with torch.no_grad():
        captured(torch.zeros((6, 3), dtype=torch.int64), torch.full((3,), 6))
    assert calls == [(6, 3, 3)]
    for one, other in zip(plain.parameters(), captured.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_a_model_of_another_system() -> None:
    with pytest.raises(ValueError, match=r"config.system: expected 'rnncell', got 'basic'"):
        RNNCellNet(7, SMALL)
    with pytest.raises(ValueError, match=r"config.system: expected 'basic', got 'rnncell'"):
        BasicRNN(7, replace(SMALL, system="rnncell"))


def test_a_sigmoid_before_the_cross_entropy_leaves_a_floor() -> None:
    """Defect 3: at best the right output is 1 and the other 0, and the loss ln(1 + 1/e), 0.3133."""
    model = BasicRNN(7, replace(SMALL, sigmoid=True))
    model.params["linear.W"][...] = 0
    model.params["linear.b"][...] = -1e3, 1e3
    logits, _ = model.forward(np.array([[2]]), np.array([1]))
    assert cross_entropy(logits, np.array([1]))[0].item() == pytest.approx(np.log1p(np.exp(-1)), rel=1e-12)
    assert np.log1p(np.exp(-1)) == pytest.approx(0.3133, abs=5e-5)
