"""RNN, LSTM and GRU in JAX, as one writes them there: lax.scan over the steps. For scripts/benchmark.py."""

from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp
from jax.nn import sigmoid

from numpy_rnn.types import Array

on_device = jax.device_put
State = Any  # (h, c); only the LSTM has a c


def gradient_function(cell: str, d_output: Array) -> Callable[[Any, Any], Any]:
    """(parameters, x) -> the gradients of both of L = the sum of output * d_output, compiled."""
    _, N, H = d_output.shape

    def loss(p: Any, x: Any) -> Any:
        a = x @ p["W_xh"] + p["b_xh"]  # every a_t in one product
        zero = jnp.zeros((N, H), x.dtype)
        _, output = jax.lax.scan(lambda state, a_t: STEPS[cell](p, state, a_t), (zero, zero), a)
        return (output * d_output).sum()

    function = jax.jit(jax.grad(loss, (0, 1)))
    return lambda p, x: jax.block_until_ready(function(p, x))


def rnn(p: Any, state: State, a: Any) -> tuple[State, Any]:
    h = jnp.tanh(a + state[0] @ p["W_hh"] + p["b_hh"])
    return (h, state[1]), h


def lstm(p: Any, state: State, a: Any) -> tuple[State, Any]:
    z_i, z_f, z_g, z_o = jnp.split(a + state[0] @ p["W_hh"] + p["b_hh"], 4, axis=-1)
    c = sigmoid(z_f) * state[1] + sigmoid(z_i) * jnp.tanh(z_g)
    h = sigmoid(z_o) * jnp.tanh(c)
    return (h, c), h


def gru(p: Any, state: State, a: Any) -> tuple[State, Any]:
    a_r, a_z, a_n = jnp.split(a, 3, axis=-1)
    s_r, s_z, s_n = jnp.split(state[0] @ p["W_hh"] + p["b_hh"], 3, axis=-1)
    r, z = sigmoid(a_r + s_r), sigmoid(a_z + s_z)
    h = (1 - z) * jnp.tanh(a_n + r * s_n) + z * state[0]
    return (h, state[1]), h


STEPS = {"rnn": rnn, "lstm": lstm, "gru": gru}
