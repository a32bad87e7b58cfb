"""The README's first network: it learns which symbol came five steps ago. Step through it:

    PYTHONPATH=. .venv/bin/python -m pdb scripts/first_steps.py

NumPy alone. Every formula is one frame away, in numpy_rnn/elman.py.
"""

import numpy as np

from numpy_rnn import ElmanNetwork, reduce

rng = np.random.default_rng(0)
network = ElmanNetwork(input_size=4, hidden_size=32, output_size=4, rng=rng)
mask = np.broadcast_to(np.arange(20)[:, None] >= 5, (20, 64))  # not the first five steps
for _ in range(500):
    x = np.eye(4, dtype=np.float32)[rng.integers(0, 4, (20, 64))]  # (T, N, D): one-hot symbols
    y = np.roll(x, 5, axis=0)  # (T, N, C): the symbol of five steps ago
    losses, h_n, cache = network.forward(x, y)  # E_t, (T, N)
    loss, d_losses = reduce(losses, mask)  # the sum over t, the mean over n; dL/dE_t
    grads = network.backward(d_losses, cache, k1=1, k2=6)  # the gradient of E_t reaches step t - 5
    network.update(grads.params, lr=0.1)
y_hat, h_n = network.predict(x)
print((y_hat.argmax(axis=2) == y.argmax(axis=2))[5:].mean().round(2))  # 1.0
