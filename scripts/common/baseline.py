"""A bag of words: logistic regression on which words occur, whatever their order."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from numpy_rnn.sentiment.data.text import Dataset, Reviews

PENALTY = 5e-4  # times |w|^2


def bag_of_words_accuracy(data: Dataset) -> float:
    """Test accuracy of p = sigmoid(b + sum of w over a review's different words), fitted to the training reviews."""
    w = nn.EmbeddingBag(len(data.vocabulary), 1, mode="sum")
    b = nn.Parameter(torch.zeros(1))
    nn.init.zeros_(w.weight)
    optimizer = torch.optim.LBFGS([w.weight, b], max_iter=100, line_search_fn="strong_wolfe")
    words, labels = _bags(data.train), torch.from_numpy(data.train.labels).float()

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = binary_cross_entropy_with_logits(w(*words)[:, 0] + b, labels) + PENALTY * w.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        positive = w(*_bags(data.test))[:, 0] + b > 0
    return float((positive.numpy() == data.test.labels).mean())


def _bags(reviews: Reviews) -> tuple[torch.Tensor, torch.Tensor]:
    """Each review's different words, end to end, and where each review begins."""
    bags = [np.unique(reviews.tokens[i:j]) for i, j in pairwise(reviews.offsets)]
    begins = np.cumsum([0, *map(len, bags[:-1])])
    return torch.from_numpy(np.concatenate(bags).astype(np.int64)), torch.from_numpy(begins)
