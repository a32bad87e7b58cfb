"""Puts the page together: one file with its style, its code and its numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from numpy_rnn.split import truncated_sum, truncation_bias
from numpy_rnn.types import Array

FOLDER = Path(__file__).parent / "page"
SCRIPTS = ("model.js", "network.js", "panels.js", "main.js")
EXACT = ("x", "d_output", "params", "h_0", "c_0")  # with all digits, so that the others can be computed again


def page(data: dict[str, Any], intro: str) -> str:
    """The whole page as text. `data` has the runs, the moments of each cell, and the question; `intro` is HTML."""
    first = next(iter(data["runs"].values()))
    text = json.dumps(numbers(data), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    parts = {
        "/*css*/": (FOLDER / "page.css").read_text(),
        "<!--intro-->": intro,
        "<!--noscript-->": tables(np.asarray(first["G"])),
        "/*js*/": "".join((FOLDER / name).read_text() for name in SCRIPTS).replace('"use strict";\n', ""),
        "/*data*/": text,
    }
    html = (FOLDER / "page.html").read_text()
    for mark, part in parts.items():
        html = html.replace(mark, part)
    return html


def numbers(a: Any, digits: int = 12) -> Any:
    """Arrays as lists. 12 digits are enough for what is shown; x, h_0, d_output and params keep all of theirs."""
    if isinstance(a, dict):
        return {name: numbers(each, 17 if name in EXACT else digits) for name, each in a.items()}
    if isinstance(a, np.ndarray):
        return numbers(a.tolist(), digits)
    if isinstance(a, (list, tuple)):
        return [numbers(each, digits) for each in a]
    if isinstance(a, float):
        return (float(f"{a:.{digits}g}") or 0) if a else 0
    return a


def tables(G: Array) -> str:
    """For readers without JavaScript: the norms of the parts, and what some truncations keep."""
    T = len(G)
    rows = [["loss", *(f"step {k + 1}" for k in range(T))]]
    rows += [[f"E_{t + 1}", *(f"{np.linalg.norm(G[t, k]):.3g}" for k in range(t + 1))] for t in range(T)]
    kept = [["k1", "k2", "norm of the truncated gradient", "cosine with the full one", "missed"]]
    for k2 in (1, 2, 3, 4, 6, 8, T):
        bias, norm = truncation_bias(G, 1, k2), np.linalg.norm(truncated_sum(G, 1, k2))
        kept.append(["1", str(k2), f"{norm:.4g}", f"{bias.cosine:.4g}", f"{100 * bias.relative:.2g} %"])
    return _table(rows) + _table(kept)


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body]
    return f"<table>{''.join(lines)}</table>"
