"""numpy_rnn/sentiment/config.py: what is refused."""

from typing import Any

import pytest

from numpy_rnn.sentiment import Config


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hidden_size": 0}, "hidden_size: expected a whole number >= 1, got 0"),
        ({"seed": -1}, "seed: expected a whole number >= 0, got -1"),
        ({"dropout": 1.0}, r"dropout: expected a number in \[0, 1\), got 1.0"),
        ({"unknown_rate": float("nan")}, "unknown_rate: expected a number in .* got nan"),
        ({"lr": 0.0}, r"lr: expected a number in \(0, inf\), got 0.0"),
        ({"clip": float("inf")}, "clip: expected a number in"),
        ({"clip": -1.0}, "clip: expected a number in"),
        ({"readout": "sum"}, "readout: expected one of 'last', 'last_real', 'mean', 'max', got 'sum'"),
        ({"keep": "middle"}, "keep: expected one of"),
        ({"nonlinearity": "sigmoid"}, "nonlinearity: expected one of"),
        ({"cell": "elman"}, "cell: expected one of 'rnn', 'lstm', 'gru', got 'elman'"),
        ({"cell": "lstm", "nonlinearity": "relu"}, "nonlinearity: expected 'tanh' with cell 'lstm', got 'relu'"),
        ({"dtype": "float16"}, "dtype: expected one of"),
        ({"system": "lstm"}, "system: expected one of 'basic', 'rnncell', got 'lstm'"),
        ({"cell": "gru", "recurrent_init": "identity"}, "recurrent_init: expected 'uniform' with cell 'gru'"),
        ({"outputs": 4}, "outputs: expected one of 2, 3, got 4"),
        ({"sigmoid": "no"}, "sigmoid: expected one of False, True, got 'no'"),
        (
            {"system": "rnncell", "sigmoid": True},
            "sigmoid, bidirectional, num_layers: expected False, False and 1 with",
        ),
        ({"system": "rnncell", "num_layers": 2}, r"sigmoid, bidirectional, num_layers: .* got \(False, False, 2\)"),
        (
            {"system": "rnncell", "bidirectional": True},
            r"sigmoid, bidirectional, num_layers: .* got \(False, True, 1\)",
        ),
        ({"bidirectional": True, "readout": "last_real"}, "readout: expected 'mean' or 'max' with both directions"),
        ({"bidirectional": 1.5}, "bidirectional: expected one of False, True, got 1.5"),
        ({"max_tokens": 0, "pad_to": "max_tokens"}, "pad_to: expected 'longest' with max_tokens 0"),
        ({"max_tokens": -1}, "max_tokens: expected a whole number >= 0"),
        ({"test_runs": 0}, "test_runs: expected a whole number >= 1"),
        ({"max_tokens": 2**63}, f"max_tokens: expected a whole number <= {2**63 - 1}, got {2**63}"),
        ({"hidden_size": 10**30}, "hidden_size: expected a whole number <= "),
        ({"lr": 10**400}, r"lr: expected a number in \(0, inf\), got 1000"),
        ({"lr": -(10**400)}, r"lr: expected a number in \(0, inf\), got -1000"),
        ({"dropout": 10**400}, r"dropout: expected a number in \[0, 1\), got 1000"),
    ],
)
def test_bad_settings(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**setting)


def test_the_largest_settings() -> None:
    """A seed may be of any size."""
    config = Config(max_tokens=2**63 - 1, seed=10**30, lr=1e308)
    assert (config.max_tokens, config.seed, config.lr) == (2**63 - 1, 10**30, 1e308)
