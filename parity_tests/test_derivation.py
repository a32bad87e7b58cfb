"""docs/derivation.md: each quoted line stands in the source, each number is cited there, the mathematics can be set,
the drawings are what their script draws, and the statements about many steps hold."""

import re
from pathlib import Path

import numpy as np
import pytest
from draw_derivation import PICTURES
from latex2mathml.converter import convert

from numpy_rnn import LSTM, RNN
from numpy_rnn.rnn import derivative

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "derivation.md").read_text()
SOURCE = {str(file.relative_to(ROOT)): file.read_text() for file in sorted((ROOT / "numpy_rnn").rglob("*.py"))}
NUMBER = re.compile(r"Eq\. \((\d+)\)")
BLOCKS = re.findall(r"^```math\n(.*?)\n```\n\n((?:- `numpy_rnn/[^\n]*\n)*)", PAGE, re.DOTALL | re.MULTILINE)


def tag(block: str) -> list[str]:
    return re.findall(r"\\tag\{(\d+)\}", block)


def quoted() -> list[tuple[str, str, list[str]]]:
    """(file, code, numbers): `file`: `code` under an equation, its number being that or those that stand behind it."""
    found = []
    for block, lines in BLOCKS:
        for line in lines.splitlines():
            match = re.fullmatch(r"- `(numpy_rnn/[\w/]+\.py)`: `([^`]+)`((?:, Eq\. \(\d+\))*)", line)
            assert match, line
            file, code, numbers = match.groups()
            found.append((file, code, NUMBER.findall(numbers) or tag(block)))
    return found


QUOTED = quoted()


def test_nothing_is_overlooked() -> None:
    assert len(BLOCKS) == PAGE.count("```math")
    assert len(QUOTED) == len(re.findall("^- `numpy_rnn/", PAGE, re.MULTILINE))
    assert "$$" not in PAGE


def test_the_numbers_are_in_order() -> None:
    numbers = [number for block, _ in BLOCKS for number in tag(block)]
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert len(numbers) >= 37


@pytest.mark.parametrize(("block", "lines"), BLOCKS, ids=[", ".join(tag(block)) or "-" for block, _ in BLOCKS])
def test_a_numbered_equation_has_its_source_right_below(block: str, lines: str) -> None:
    assert lines or not tag(block)


@pytest.mark.parametrize(("file", "code", "numbers"), QUOTED)
def test_a_quoted_line_is_the_sources_and_cites_the_equation(file: str, code: str, numbers: list[str]) -> None:
    assert SOURCE[file].count(code) == 1
    (line,) = (line for line in SOURCE[file].splitlines() if code in line)
    assert set(numbers) <= set(NUMBER.findall(line)), line


def test_the_source_cites_equations_of_the_derivation() -> None:
    """All of them, and no others; and where a line of code does, the page quotes it under that number."""
    cited = {number for text in SOURCE.values() for number in NUMBER.findall(text)}
    assert cited == {number for block, _ in BLOCKS for number in tag(block)}
    for file, text in SOURCE.items():
        for line in text.splitlines():
            code, comment, remark = line.partition("  # ")
            for number in NUMBER.findall(remark) if comment else []:
                assert any(f == file and number in numbers and c in code for f, c, numbers in QUOTED), line


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "rtrl"])
def test_every_formula_of_a_cell_cites_its_equation(cell: str) -> None:
    code = re.sub(r"\"\"\".*?\"\"\"", "", SOURCE[f"numpy_rnn/{cell}.py"], flags=re.DOTALL)
    computes = r"(?:@|\*|sigmoid\(|tanh\(|\.sum\()"
    formulas = re.findall(rf"^ +[\w, \[\]:]+ \+?= (?!np\.empty).*?{computes}.*$", code, re.MULTILINE)
    assert formulas
    for line in formulas:
        assert NUMBER.search(line), line


@pytest.mark.parametrize("block", [block for block, _ in BLOCKS])
def test_the_mathematics_can_be_set(block: str) -> None:
    """And by GitHub, which refuses some macros."""
    assert not re.search(r"\\(operatorname|mbox|phantom|def|newcommand|label|ref)\b", block)
    assert block.count("{") == block.count("}")
    assert block.count(r"\begin") == block.count(r"\end")
    set_ = convert(re.sub(r"\\tag\{\d+\}", "", block), display="block")
    assert "\\" not in set_, set_  # an unknown macro comes out as it is


def test_mathematics_within_a_line_is_left_alone_by_markdown() -> None:
    """Neither emphasis nor an escape: a _ after a bracket may open the one, a \\ before punctuation is the other."""
    text = re.sub(r"```.*?```|`[^`\n]+`", "", PAGE, flags=re.DOTALL)
    inline = re.findall(r"\$([^$]*)\$", text)
    assert text.count("$") == 2 * len(inline)
    assert len(inline) > 50
    for formula in inline:
        assert "\n" not in formula
        assert not re.search(r"[^\w]_\w|\\[^a-zA-Z]|\*|<|^\s|\s$", formula), formula
        assert "\\" not in convert(formula)


def test_lines_are_short() -> None:
    prose = re.sub(r"```.*?```", "", PAGE.split("## References")[0], flags=re.DOTALL)
    for line in prose.splitlines():
        if not line.startswith(("|", "- `numpy_rnn", "    ", "![")):
            plain = re.sub(r"\$[^$]*\$|`[^`]*`|\]\([^)]*\)", "", line)
            assert len(plain) <= 100, line


def test_every_link_leads_somewhere() -> None:
    headings = [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", PAGE, re.M)]
    assert len(set(headings)) == len(headings)
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    assert len(links) > 15
    for link in links:
        file, _, _ = link.partition("#")  # the anchors of other pages: test_docs.py
        assert (ROOT / "docs" / file).exists() if file else link[1:] in headings, link


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"(?:parity_tests|scripts|numpy_rnn)/[\w/]+\.py", PAGE)
    assert len(set(named)) > 20
    for file in named:
        assert (ROOT / file).exists(), file


@pytest.mark.parametrize("name", PICTURES)
def test_a_drawing_is_the_scripts(name: str) -> None:
    """To the byte; with a text for those who do not see it, and no letter smaller than 12 pixels."""
    drawn = PICTURES[name]()
    assert (ROOT / "docs" / name).read_text() == drawn
    (alternative,) = re.findall(rf"!\[([^\]]+)\]\({name}\)", PAGE)
    assert len(alternative) > 50
    assert min(map(int, re.findall(r'font-size="(\d+)"', drawn))) >= 12


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_many_steps_are_a_product_of_jacobians(nonlinearity: str) -> None:
    """dh_0 is the sum over s of dh_s^own times the product of the steps between; the product is within its bound."""
    rng = np.random.default_rng(0)
    T, H = 7, 5
    layer = RNN(3, H, nonlinearity=nonlinearity, dtype=np.float64, rng=rng)
    x, h_0, d_output = rng.normal(size=(T, 1, 3)), rng.normal(size=(1, 1, H)), rng.normal(size=(T, 1, H))
    output, _, cache = layer.forward(x, h_0)
    W_hh = layer.params["W_hh_l0"]
    sigma = np.linalg.norm(W_hh, 2)
    product, dh_0, bound = np.eye(H), np.zeros(H), 1.0
    for t in range(T):
        slope = derivative(output[t, 0], nonlinearity)
        product = np.diag(slope) @ W_hh.T @ product  # dh_{t+1}/dh_0
        dh_0 += d_output[t, 0] @ product
        bound *= slope.max() * sigma
        assert np.linalg.norm(product, 2) <= bound * (1 + 1e-12)
        assert bound <= sigma ** (t + 1) * (1 + 1e-12)
    np.testing.assert_allclose(layer.backward(d_output, None, cache).h_0[0, 0], dh_0, rtol=1e-12)


def test_a_power_is_at_least_its_spectral_radius() -> None:
    rng = np.random.default_rng(0)
    for scale in (0.5, 1, 2):
        A = scale * rng.normal(size=(6, 6)) / 6**0.5
        rho = abs(np.linalg.eigvals(A)).max()
        for k in (1, 5, 20):
            assert np.linalg.norm(np.linalg.matrix_power(A, k), 2) >= rho**k * (1 - 1e-10)


def test_one_step_back_leaves_a_third_of_the_square() -> None:
    """And fifty steps through W_hh alone leave what the page says."""
    one, fifty = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        W_hh = RNN(4, 128, dtype=np.float64, rng=rng).params["W_hh_l0"]
        dz = rng.normal(size=128)
        one.append(np.sum((dz @ W_hh.T) ** 2) / np.sum(dz**2))
        fifty.append(np.linalg.norm(dz @ np.linalg.matrix_power(W_hh.T, 50)) / np.linalg.norm(dz))
    assert np.mean(one) == pytest.approx(1 / 3, rel=0.05)
    assert between(fifty) == "3e-13 to 2e-11"
    assert f"| {between(fifty)} |" in PAGE


def test_fifty_steps_of_untrained_networks() -> None:
    """What is left of the gradient's length, in a tanh RNN and in an LSTM's cell."""
    left: dict[str, list[float]] = {"rnn": [], "lstm": [], "lstm, forget bias 1": []}
    for seed in range(10):
        for cell in left:
            rng = np.random.default_rng(seed)
            layer = (RNN if cell == "rnn" else LSTM)(100, 128, dtype=np.float64, rng=rng)
            x, d = rng.normal(size=(50, 1, 100)), rng.normal(size=(1, 1, 128))
            if cell == "lstm, forget bias 1":
                layer.params["b_xh_l0"][128:256] += 1
            _, _, cache = layer.forward(x)
            if cell == "rnn":
                d_0 = layer.backward(None, d, cache).h_0
            else:
                d_0 = layer.backward(None, (np.zeros_like(d), d), cache).h_0[1]
            if cell == "lstm":
                assert cache.layers[0].gates[:, 1].mean() == pytest.approx(0.5, abs=0.01)  # f
            left[cell].append(float(np.linalg.norm(d_0) / np.linalg.norm(d)))
    assert f"N(0, 1), 10 seeds | {between(left['rnn'])} |" in PAGE
    assert f"all ways together leave {between(left['lstm'])} of" in PAGE
    assert f"With it, the same measurement gives {between(left['lstm, forget bias 1'])}." in PAGE


def between(values: list[float]) -> str:
    return f"{min(values):.0e} to {max(values):.0e}"


@pytest.mark.parametrize(("scale", "off"), [(1e-3, "0.3 %"), (0.4, "69 %")])
def test_a_missing_transpose(scale: float, off: str) -> None:
    errors = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        layer = RNN(5, 6, dtype=np.float64, rng=rng)
        layer = layer.with_params({name: scale * rng.normal(size=p.shape) for name, p in layer.params.items()})
        x, d_output = rng.normal(size=(10, 4, 5)), rng.normal(size=(10, 4, 6))
        output, _, cache = layer.forward(x)
        W_hh, hs = layer.params["W_hh_l0"], np.concatenate((np.zeros((1, 4, 6)), output))
        right = layer.backward(d_output, None, cache).params["W_hh_l0"]
        dh_next, wrong = np.zeros((4, 6)), np.zeros_like(right)
        for t in reversed(range(10)):
            dz = (d_output[t] + dh_next) * (1 - hs[t + 1] ** 2)
            wrong += hs[t].T @ dz
            dh_next = dz @ W_hh
        errors.append(np.linalg.norm(wrong - right) / np.linalg.norm(right))
    assert f"{100 * np.median(errors):.1g} %" == off or f"{100 * np.median(errors):.0f} %" == off
    assert f"off by {off}" in PAGE
