"""numpy_rnn/sequence_model.py: hundreds of updates on one long sequence, in lockstep with PyTorch."""

import gc
import itertools
import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, dropout
from torch.nn.utils import clip_grad_norm_

from numpy_rnn import GRU, LSTM, RNN, SGD, Adam, Linear, SequenceModel, clip_by_global_norm
from numpy_rnn.sequence_model import chunks, train
from numpy_rnn.types import Array
from parity_tests.problems import make_layer, state, states
from torch_rnn import from_torch_names, to_torch
from torch_rnn.comparison import relative_error
from torch_rnn.training import copy_state_from, twin_optimizer

SYMBOLS = 4


def recall(T: int, N: int, dtype: Any = np.float64, seed: int = 0) -> tuple[Array, Array]:
    """One long sequence of random symbols, one-hot; the label is the symbol of three steps ago."""
    symbols = np.random.default_rng(seed).integers(0, SYMBOLS, (T + 3, N))
    return np.eye(SYMBOLS, dtype=dtype)[symbols[3:]], symbols[:-3]


def make_model(
    cell: str, hidden_size: int = 8, num_layers: int = 2, dtype: Any = np.float64, p: float = 0.0
) -> SequenceModel:
    rng = np.random.default_rng(0)
    layer = make_layer(cell, SYMBOLS, hidden_size, num_layers, dropout=p, dtype=dtype, rng=rng)
    return SequenceModel(layer, Linear(hidden_size, SYMBOLS, dtype=dtype, rng=rng))


def by_autograd(
    model: SequenceModel, module: torch.nn.Module, x: Array, labels: Array, h: Any = None
) -> tuple[float, dict[str, Array], Any]:
    """What `model.gradients` returns, by the twin, which has the gradients then; the state as tensors."""
    module.zero_grad()
    logits, h_n = module(torch.tensor(x), h)
    loss = cross_entropy(logits.movedim(-1, 1), torch.tensor(labels), reduction="none").sum(dim=0).mean()
    loss.backward()
    named = {name: p.grad.numpy() for name, p in module.named_parameters() if p.grad is not None}
    return loss.item(), from_torch_names(model, named), h_n


@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
@pytest.mark.parametrize(("optimizer", "lr"), [(Adam, 1e-2), (SGD, 0.1)], ids=["Adam", "SGD"])
@pytest.mark.parametrize("clip", [0.3, 1e9], ids=["clipped", "not clipped"])
def test_300_updates_in_lockstep(cell: str, optimizer: Any, lr: float, clip: float) -> None:
    """Every loss within 1e-12, every gradient within 1e-9, every weight and the carried state within 1e-12.

    PyTorch carries a state of its own, detached at each chunk's start; weights and Adam state are NumPy's.
    """
    model = make_model(cell)
    adam, module = optimizer(model.params), to_torch(model)
    theirs = twin_optimizer(adam, module)
    h, torch_h, clipped_some = None, None, 0
    for x, labels in chunks(*recall(300 * 7 - 3, 2), 7):  # the last chunk is short
        copy_state_from(model, adam, module, theirs)
        loss, grads, h = model.gradients(x, labels, h)

        torch_h = None if torch_h is None else state([s.detach() for s in states(torch_h)])
        torch_loss, torch_grads, torch_h = by_autograd(model, module, x, labels, torch_h)

        assert abs(loss - torch_loss) < 1e-12
        for name, gradient in grads.items():
            assert relative_error(gradient, torch_grads[name]) < 1e-9, name
        for ours, its in zip(states(h), states(torch_h), strict=True):
            assert relative_error(ours, its.detach().numpy()) < 1e-12

        clipped, norm = clip_by_global_norm(grads, clip)
        clipped_some += norm > clip
        adam.step(clipped, lr)
        clip_grad_norm_(module.parameters(), clip)
        theirs.param_groups[0]["lr"] = lr
        theirs.step()
        weights = from_torch_names(model, {name: p.detach().numpy() for name, p in module.named_parameters()})
        for name, p in model.params.items():
            assert relative_error(p, weights[name]) < 1e-12, name
    assert (clipped_some > 100) == (clip < 1)


@pytest.mark.parametrize("cell", [RNN, LSTM, GRU])
def test_a_chunk_goes_back_to_its_start_only(cell: Any) -> None:
    """What chunks add up to, with weights held fixed, is backward(..., k1=k, k2=k) of the whole sequence."""
    layer = cell(SYMBOLS, 3, 2, dtype=np.float64)
    model = SequenceModel(layer, Linear(3, SYMBOLS, dtype=np.float64))
    x, labels = recall(11, 2)
    total, h = {name: np.zeros_like(p) for name, p in model.params.items()}, None
    for piece, its_labels in chunks(x, labels, 4):
        _, grads, h = model.gradients(piece, its_labels, h)
        total = {name: total[name] + g for name, g in grads.items()}
    output, _, cache = layer.forward(x)
    logits, _ = model.output.forward(output)
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    d_logits = (p - np.eye(SYMBOLS)[labels]) / 2
    truncated = layer.backward(d_logits @ model.output.params["W"].T, None, cache, k1=4, k2=4)
    for name, gradient in truncated.params.items():
        np.testing.assert_allclose(total[f"layer.{name}"], gradient, rtol=1e-11, atol=1e-14)
    _, grads, _ = model.gradients(x, labels, k1=4, k2=4)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, total[name], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
def test_dropout_between_layers_equals_pytorchs_own(cell: str) -> None:
    """The twin draws its masks from PyTorch's generator; the same draws, made again, are ours: see test_base.py."""
    model = make_model(cell, num_layers=3, p=0.4)
    x, labels = recall(9, 2)
    torch.manual_seed(0)
    masks = [dropout(torch.ones(9, 2, 8, dtype=torch.float64), 0.4).numpy() for _ in range(2)]
    loss, grads, h_n = model.gradients(x, labels, masks=masks)
    torch.manual_seed(0)
    torch_loss, torch_grads, torch_h = by_autograd(model, to_torch(model), x, labels)
    assert abs(loss - torch_loss) < 1e-12
    assert abs(loss - model.gradients(x, labels)[0]) > 1e-3  # no masks, no dropout
    for name, gradient in grads.items():
        assert relative_error(gradient, torch_grads[name]) < 1e-12, name
    for ours, its in zip(states(h_n), states(torch_h), strict=True):
        assert relative_error(ours, its.detach().numpy()) < 1e-12


@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
def test_training_in_chunks_learns(cell: str) -> None:
    """Chunks of ten steps, to recall a symbol of three steps ago: three of ten lie in the chunk before."""
    model = make_model(cell, hidden_size=24, num_layers=1, dtype=np.float32)
    losses = list(train(model, Adam(model.params), chunks(*recall(6000, 16, np.float32), 10), lr=1e-2, clip=1.0))
    assert len(losses) == 600
    assert np.mean(losses[:10]) / 10 > 1.2  # ln 4 = 1.39 for each step
    assert np.mean(losses[-10:]) / 10 < 0.05


def test_memory_does_not_grow_with_the_sequence() -> None:
    """Chunks from a generator: twenty times as many, and by far less more memory than kept states would need."""
    peaks = []
    for count in (20, 400):
        model = make_model("LSTM")
        gc.collect()
        pieces = (recall(10, 2, seed=i) for i in range(count))
        tracemalloc.start()
        for _ in train(model, SGD(model.params), pieces, lr=0.1):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    kept_states = 400 * 10 * 2 * 2 * 2 * 8 * 8  # bytes: h and c of two layers, for two sequences
    assert peaks[1] - peaks[0] < kept_states / 4


def test_sequence_model() -> None:
    x, labels = recall(10, 2)
    pieces = list(chunks(x, labels, 4))
    assert [len(piece) for piece, _ in pieces] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([piece for piece, _ in pieces]), x)
    np.testing.assert_array_equal(np.concatenate([its_labels for _, its_labels in pieces]), labels)


def test_weights_of_the_losses() -> None:
    """A mask leaves steps out, of the loss and of every gradient."""
    model = make_model("GRU")
    x, labels = recall(6, 2)
    mask = np.arange(6)[:, None] < np.array([4, 4])
    loss, grads, _ = model.gradients(x, labels, weights=mask)
    shorter, its_grads, _ = model.gradients(x[:4], labels[:4])
    assert loss == pytest.approx(shorter, rel=1e-12)
    for name, gradient in grads.items():
        np.testing.assert_allclose(gradient, its_grads[name], rtol=1e-10, atol=1e-14)


X, LABELS = recall(5, 2)
MODEL, DROPPING = make_model("tanh"), make_model("tanh", p=0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: SequenceModel(RNN(3, 4, bidirectional=True), Linear(4, 2)),
            "output: expected a Linear layer with 8",
        ),
        (
            lambda: SequenceModel(RNN(3, 4), Linear(4, 2, dtype=np.float64)),
            "output: .* of dtype float32",
        ),
        (
            lambda: list(train(MODEL, SGD(MODEL.params), [(X * np.nan, LABELS)], 0.1)),
            "expected a finite loss",
        ),
        (
            lambda: next(train(DROPPING, SGD(DROPPING.params), [(X, LABELS)], 0.1)),
            "rng: expected a numpy.random.Generator, from which to draw the masks of dropout 0.5, got None",
        ),
        (
            lambda: next(train(DROPPING, SGD(DROPPING.params), [(X, LABELS)], 0.1, rng=0)),
            "rng: expected Generator, got int",
        ),
        (
            lambda: next(train(DROPPING, SGD(DROPPING.params), [(X[0], LABELS)], 0.1, rng=np.random.default_rng(0))),
            r"x: expected a float64 array of shape \(T, N, 4\)",
        ),
        (lambda: DROPPING.gradients(X, LABELS, masks=[]), "masks: expected 1, one between two layers, got 0"),
        (lambda: next(chunks(X, LABELS, 0)), "k: expected a whole number >= 1, got 0"),
        (lambda: next(chunks(X, LABELS[:4], 2)), "labels: expected 5 steps, as x has, got 4"),
        (
            lambda: make_model("tanh").gradients(X, LABELS[:4]),
            r"labels: .* in 0..3 of shape \(5, 2\)",
        ),
        (lambda: make_model("tanh").gradients(X, LABELS, weights=X), r"weights: expected .* of shape \(5, 2\)"),
        (lambda: make_model("LSTM").gradients(X, LABELS, X), r"h_0: expected a pair \(h, c\), got ndarray"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_the_losses_of_train_are_those_of_gradients() -> None:
    """In order, each from the weights and the state that the one before left; and clipped."""
    one, other = make_model("LSTM"), make_model("LSTM")
    h = tuple(np.full((2, 2, 8), value) for value in (0.5, -0.3))
    losses = list(train(one, SGD(one.params), itertools.islice(chunks(X, LABELS, 2), 2), lr=0.1, clip=0.01, h=h))
    first, grads, h = other.gradients(X[:2], LABELS[:2], h)
    SGD(other.params).step(clip_by_global_norm(grads, 0.01)[0], 0.1)
    second, _, _ = other.gradients(X[2:4], LABELS[2:4], h)
    assert losses == [first, second]


def test_training_with_dropout() -> None:
    """Each chunk has masks of its own, as many steps long as the chunk, drawn from rng one chunk after the other."""
    one, other = (make_model("GRU", p=0.5) for _ in range(2))
    losses = list(train(one, SGD(one.params), chunks(X, LABELS, 3), lr=0.1, rng=np.random.default_rng(1)))
    rng, h = np.random.default_rng(1), None
    for loss, (x, labels) in zip(losses, chunks(X, LABELS, 3), strict=True):
        its_loss, grads, h = other.gradients(x, labels, h, masks=other.layer.dropout_masks(len(x), 2, rng))
        SGD(other.params).step(grads, 0.1)
        assert loss == its_loss


def test_without_two_layers_there_is_nothing_to_drop() -> None:
    """As in PyTorch, where dropout acts between layers alone: no rng is needed, and one changes nothing."""
    losses = []
    for rng in (None, np.random.default_rng(0)):
        model = make_model("LSTM", num_layers=1, p=0.5)
        losses.append(list(train(model, SGD(model.params), chunks(X, LABELS, 3), lr=0.1, rng=rng)))
    assert losses[0] == losses[1]


def test_an_update_comes_before_its_loss_and_never_with_what_is_not_finite() -> None:
    """Not finite: a loss, and a gradient alone, where huge inputs meet tiny weights."""
    model = make_model("tanh")
    before = {name: p.copy() for name, p in model.params.items()}
    next(train(model, SGD(model.params), [(X, LABELS)], 0.1))
    assert all((p != before[name]).any() for name, p in model.params.items())
    model.params["layer.W_xh_l0"] *= 1e-200
    before = {name: p.copy() for name, p in model.params.items()}
    loss, _, _ = model.gradients(X * 1e200, LABELS)
    assert np.isfinite(loss)
    for x in (X * np.nan, X * 1e200):
        with pytest.raises(ValueError, match="expected a finite loss and gradient"):
            next(train(model, SGD(model.params), [(x, LABELS)], 0.1))
    for name, p in model.params.items():
        np.testing.assert_array_equal(p, before[name], name)
