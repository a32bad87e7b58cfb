"""The twin of numpy_rnn.SentimentModel as an nn.Module, in PyTorch's own words."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from numpy_rnn.config import Config
from numpy_rnn.models import CLASSES


class SentimentModel(nn.Module):
    """token ids (T, N), lengths (N,) -> logits (N, C): Embedding -> nn.RNN, LSTM, GRU -> read-out -> Dropout -> Linear.

    It runs the recurrent layers over the padded batch and picks what it needs afterwards: on a CPU nn.RNN takes less
    than half the time of a packed sequence that way, and in one direction the real steps never see the pads.
    """

    def __init__(self, vocabulary_size: int, config: Config):
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
        sizes = (config.embedding_size, config.hidden_size, config.num_layers)
        self.rnn: nn.RNN | nn.LSTM | nn.GRU
        match config.cell:
            case "rnn":
                self.rnn = nn.RNN(*sizes, config.nonlinearity)
            case "lstm":
                self.rnn = nn.LSTM(*sizes)
            case "gru":
                self.rnn = nn.GRU(*sizes)
        self.linear = nn.Linear(config.hidden_size, CLASSES)
        self.to(getattr(torch, config.dtype))

    def forward(self, ids: Tensor, lengths: Tensor, mask: Tensor | None = None) -> Tensor:
        output, _ = self.rnn(self.embedding(ids))  # (T, N, H)
        if self.config.readout == "last":
            features = output[-1]  # (N, H)
        elif self.config.readout == "last_real":
            features = output[lengths - 1, torch.arange(output.shape[1], device=output.device)]
        else:
            real = torch.arange(output.shape[0], device=output.device)[:, None] < lengths  # (T, N)
            features = torch.where(real[:, :, None], output, 0).sum(dim=0) / lengths[:, None]
        if mask is not None:  # Dropout, with the mask that the NumPy side has
            features = features * mask
        return self.linear(features)
