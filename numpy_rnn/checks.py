"""Checks of arguments. Each raises ValueError with the argument's name, what was expected and what was given."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from numpy_rnn.types import Array


def expect(condition: bool, argument: str, expected: str, got: object) -> None:
    """Checks a condition.

    Args:
        condition: what has to hold.
        argument: the name of the argument.
        expected: what it should be.
        got: what it is.

    Raises:
        ValueError: "argument: expected ..., got ...", unless `condition` holds.
    """
    if not condition:
        raise ValueError(f"{argument}: expected {expected}, got {got}")


def shown(value: Any) -> str:
    """What came, for a message: an array by its dtype and shape, anything else as Python writes it, not too long."""
    text = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]} ..."


def check_size(argument: str, value: Any, least: int = 1, most: float = 2**63 - 1) -> int:
    """A whole number in least..most, both included, as an int. The default of `most` is the largest int64."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))
    expect(whole and value >= least, argument, f"a whole number >= {least}", shown(value))
    expect(value <= most, argument, f"a whole number <= {most}", shown(value))
    return int(value)


def check_number(
    argument: str, value: Any, low: float, high: float, open_low: bool = False, closed_high: bool = False
) -> float:
    """A number in [low, high), or with open_low in (low, high), with closed_high up to high itself, as a float."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.timedelta64))
    try:
        x = float(value) if number else np.nan
    except OverflowError:  # a whole number that no float reaches
        x = np.inf if value > 0 else -np.inf
    inside = (low < x if open_low else low <= x) and (x <= high if closed_high else x < high)
    interval = f"{'(' if open_low else '['}{low:g}, {high:g}{']' if closed_high else ')'}"
    expect(inside, argument, f"a number in {interval}", shown(value))
    return x


def check_choice(argument: str, value: Any, choices: Sequence[Any]) -> Any:
    """One of the choices. Returns the entry of `choices` that is equal to it, so Python's True for NumPy's True."""
    simple = value is None or isinstance(value, (str, int, float, np.generic))  # not an array, whose == gives an array
    expect(simple and value in choices, argument, "one of " + ", ".join(map(repr, choices)), shown(value))
    return choices[choices.index(value)]


def check_dtype(argument: str, dtype: Any) -> np.dtype:
    """float32 or float64, in any form that np.dtype takes, but None, which NumPy takes for float64."""
    try:
        resolved = np.dtype(object if dtype is None else dtype)
    except (TypeError, ValueError, SyntaxError):
        resolved = np.dtype(object)
    expect(resolved in (np.float32, np.float64), argument, "float32 or float64", shown(dtype))
    return resolved


def check_float_array(argument: str, array: Any) -> None:
    """A float32 or float64 array of any shape. complex128 is allowed, too, for complex steps (see gradcheck.py)."""
    check_plain(argument, array, "a float32 or float64 array")
    fits = array.dtype in (np.float32, np.float64, np.complex128)
    expect(fits, argument, "a float32 or float64 array", array.dtype)


def check_plain(argument: str, array: Any, wanted: str = "an array") -> None:
    """A NumPy array. Masked arrays and matrices are none: their operators do something else."""
    expect(is_plain(array), argument, wanted, type(array).__name__)


def is_plain(array: Any) -> bool:
    return isinstance(array, np.ndarray) and not isinstance(array, (np.ma.MaskedArray, np.matrix))


def check_type(argument: str, value: Any, *kinds: type) -> None:
    """An instance of one of these types."""
    expect(isinstance(value, kinds), argument, " or ".join(kind.__name__ for kind in kinds), type(value).__name__)


def check_callable(argument: str, value: Any) -> None:
    """A function, or what can be called like one."""
    expect(callable(value), argument, "a function", type(value).__name__)


def check_arrays(argument: str, arrays: Any) -> None:
    """A dict of float arrays by name."""
    check_type(argument, arrays, dict)
    for name, array in arrays.items():
        expect(isinstance(name, str), argument, "names as keys", repr(name))
        check_float_array(f"{argument}[{name!r}]", array)


def check_generator(rng: Any) -> np.random.Generator:
    """rng, or default_rng(0) for None."""
    expect(rng is None or isinstance(rng, np.random.Generator), "rng", "a numpy.random.Generator", type(rng).__name__)
    return np.random.default_rng(0) if rng is None else rng


def check_array(argument: str, array: Any, shape: tuple[int | str, ...], dtype: np.dtype) -> None:
    """An array of exactly this dtype and shape; a name in `shape`, such as "T", stands for any size >= 1."""
    plain = is_plain(array)
    if plain and array.dtype == dtype and array.ndim == len(shape):
        sizes = zip(array.shape, shape, strict=True)
        if all(size >= 1 if isinstance(want, str) else size == want for size, want in sizes):
            return
    wanted = f"a {dtype} array of shape ({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
    expect(False, argument, wanted, f"{array.dtype} {array.shape}" if plain else type(array).__name__)


def check_truncation(k1: int | None, k2: int | None, T: int) -> tuple[int, int]:
    """k1 and k2 of TBPTT(k1, k2) over T steps, with 1 <= k1 <= k2. None: k1 is T, k2 the larger of k1 and T."""
    k1 = T if k1 is None else check_size("k1", k1)
    k2 = max(T, k1) if k2 is None else check_size("k2", k2)
    expect(k2 >= k1, "k2", f"at least k1 = {k1}, or losses would be lost", k2)
    return k1, k2


def check_params(params: Any, like: dict[str, Array]) -> np.dtype:
    """Arrays with the names and shapes of `like`, all of one dtype: float32, float64, complex128. Returns the dtype."""
    names = list(params) if isinstance(params, dict) else type(params).__name__
    expect(isinstance(params, dict) and params.keys() == like.keys(), "params", f"the names {list(like)}", names)
    dtype = getattr(next(iter(params.values())), "dtype", None)
    dtype = dtype if dtype in (np.float32, np.float64, np.complex128) else np.dtype(np.float64)
    for name, p in like.items():
        check_array(name, params[name], p.shape, dtype)
    return np.dtype(dtype)


def check_update(grads: Any, params: dict[str, Array], lr: Any) -> float:
    """Gradients with the names, shapes and dtypes of params; lr at least 0. Returns lr as Python's float.

    With Python's float, float32 results stay float32.
    """
    lr = check_number("lr", lr, 0, np.inf)
    names = sorted(map(str, grads)) if isinstance(grads, dict) else type(grads).__name__
    fits = isinstance(grads, dict) and grads.keys() == params.keys()
    expect(fits, "grads", f"the parameters' names {sorted(params)}", names)
    for name, p in params.items():
        check_array(name, grads[name], p.shape, p.dtype)
    return lr


def check_whole_numbers(argument: str, array: Any, shape: tuple[int, ...] | None, low: int, high: int) -> Array:
    """Whole numbers of this shape, or with None of any, all in low..high, both included. Returns them as an array."""
    try:
        array = np.asarray(array)
    except ValueError as error:
        of_shape = "" if shape is None else f" of shape {shape}"
        raise ValueError(f"{argument}: expected whole numbers{of_shape}, got {shown(array)}") from error
    shape = array.shape if shape is None else shape
    wanted = f"whole numbers in {low}..{high} of shape {shape}"
    expect(array.shape == shape and array.dtype.kind in "iu", argument, wanted, f"{array.dtype} {array.shape}")
    outside = array[(array < low) | (array > high)]
    expect(outside.size == 0, argument, wanted, f"{outside[0]} among them" if outside.size else "")
    return array


def check_flag(argument: str, value: Any) -> bool:
    """True or False, of Python or NumPy. Returns Python's."""
    expect(isinstance(value, (bool, np.bool_)), argument, "True or False", shown(value))
    return bool(value)


def check_states(
    argument: str, given: Any, names: tuple[str, ...], shape: tuple[int, ...], dtype: np.dtype
) -> tuple[Array, ...]:
    """The states of a layer, or their gradients, as a tuple.

    Args:
        argument: the name of the argument.
        given: one array for one name, a tuple or list of arrays for several names, or None for zeros.
        names: the names of the states, ("h",) or ("h", "c").
        shape: the shape of each array.
        dtype: the dtype of each array.

    Returns:
        One array for each name.

    Raises:
        ValueError: for another number of arrays, or another shape or dtype.
    """
    if given is None:
        return tuple(np.zeros(shape, dtype) for _ in names)
    fits = len(names) == 1 or (isinstance(given, (tuple, list)) and len(given) == len(names))
    expect(fits, argument, f"a pair ({', '.join(names)})", type(given).__name__)
    states = (given,) if len(names) == 1 else tuple(given)
    for array in states:
        check_array(argument, array, shape, dtype)
    return states


def check_masks(masks: Any, count: int, shape: tuple[int, ...], dtype: np.dtype) -> list[Array]:
    """`count` dropout masks of this shape, as a list. None gives an empty list: no dropout."""
    if masks is None:
        return []
    expect(isinstance(masks, (list, tuple)), "masks", "a list of arrays", type(masks).__name__)
    expect(len(masks) == count, "masks", f"{count}, one between two layers", len(masks))
    for mask in masks:
        check_array("masks", mask, shape, dtype)
    return list(masks)
