"""docs/walk.html in a browser: every number shown against the layers, every key, no request, no error in the console.

It needs Chromium and its driver (Debian: chromium and chromium-driver); without them it is skipped, and says so.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from numpy_rnn.layers import sigmoid
from numpy_rnn.split import smallest_k2, truncation_bias, window_mask
from numpy_rnn.types import Array
from parity_tests.test_walk import DATA, PAGE, ROOT, RUNS, layer_of, near

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import Select  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver")
FILE = (ROOT / "docs" / "walk.html").as_uri()
T = 12
ALL = [(k1, k2) for k1 in range(1, T + 1) for k2 in range(k1, T + 1)]
FIRST = {"rnn": "rnn/pytorch/untrained", "lstm": "lstm/forget1/learnt", "gru": "gru/pytorch/learnt"}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: Any) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    quiet = ("background-networking", "component-update", "sync", "gpu", "quic", "dev-shm-usage")
    folder = tmp_path_factory.mktemp("profile")
    for argument in ("headless=new", "no-sandbox", "no-first-run", *(f"disable-{name}" for name in quiet)):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--user-data-dir={folder}")
    options.add_argument("--window-size=1000,900")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def opened(browser: Any, link: str = "", file: str = FILE) -> Any:
    browser.get("about:blank")  # so that a new link is a new page
    browser.get(f"{file}#{link}")
    return browser


def link_of(name: str, **others: Any) -> str:
    cell, start, training = name.split("/")
    given = {"cell": cell, "start": start, "training": training} | others
    return "&".join(f"{key}={value}" for key, value in given.items())


def values(browser: Any, *names: str) -> list[float]:
    """What the page shows, unrounded."""
    script = "return [...arguments].map((id) => document.getElementById(id).dataset.value)"
    return [float(text) for text in browser.execute_script(script, *names)]


def typed(browser: Any, name: str, k: int) -> None:
    browser.find_element("id", name).send_keys(Keys.CONTROL + "a" + Keys.NULL, str(k), Keys.ENTER)


def test_it_asks_nobody_and_logs_nothing(browser: Any) -> None:
    opened(browser)
    for name in RUNS:
        opened(browser, link_of(name, k1=2, k2=3, loss=9, step=45))
    for bug in RUNS["rnn/rho0/learnt"]["bugs"]:
        opened(browser, link_of("rnn/rho0/learnt", k1=2, k2=3, bug=bug, step=45))
    assert browser.get_log("browser") == []
    asked = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.add(message["params"]["request"]["url"].partition("#")[0])
    assert FILE in asked
    of_the_browser = ("data:", "chrome:", "about:")  # its own pages, as it starts
    assert {url for url in asked if not url.startswith(of_the_browser)} == {FILE}


@pytest.mark.parametrize("name", FIRST.values())
def test_every_truncation_by_keyboard_is_the_layers(browser: Any, name: str) -> None:
    layer, x, h_0, d_output = layer_of(RUNS[name])
    _, _, cache = layer.forward(x, h_0)
    full = layer.backward(d_output, None, cache).params["W_hh_l0"]
    opened(browser, link_of(name))
    for k1, k2 in ALL:
        if k1 == k2:
            typed(browser, "k1", k1)
        typed(browser, "k2", k2)
        cut = layer.backward(d_output, None, cache, k1=k1, k2=k2).params["W_hh_l0"]
        cosine = (full * cut).sum() / np.linalg.norm(full) / np.linalg.norm(cut)
        *shown, shown_bias = values(browser, "full-norm", "truncated-norm", "cosine", "bias")
        assert shown == pytest.approx([np.linalg.norm(full), np.linalg.norm(cut), cosine], rel=1e-9), (k1, k2)
        bias = np.linalg.norm(full - cut) / np.linalg.norm(full)
        assert shown_bias == pytest.approx(bias, rel=1e-8, abs=1e-11)


@pytest.mark.parametrize("name", RUNS)
def test_one_loss_alone_and_the_smallest_k2(browser: Any, name: str) -> None:
    G = np.array(RUNS[name]["G"], float)
    opened(browser, link_of(name, k1=2, k2=4))
    for loss in (0, 2, 7, 12):
        Select(browser.find_element("id", "loss")).select_by_value(str(loss))
        some = G if loss == 0 else G * (np.arange(T) == loss - 1)[:, None, None, None]
        kept = np.linalg.norm(some[window_mask(T, 2, 4)].sum(axis=0))
        *norms, bias = values(browser, "full-norm", "truncated-norm", "bias")
        assert norms == pytest.approx([np.linalg.norm(some.sum(axis=(0, 1))), kept], rel=1e-9)
        assert bias == pytest.approx(truncation_bias(some, 2, 4).relative, rel=1e-8, abs=1e-11)
        bold = [float(b.text) for b in browser.find_elements("css selector", "#smallest strong")]
        assert bold == [smallest_k2(some, share) for share in (0.1, 0.05, 0.01)]


@pytest.mark.parametrize(("t", "k"), [(0, 0), (5, 3), (7, 1), (11, 11), (11, 1)])
def test_the_page_reads_the_parts_from_its_data(browser: Any, tmp_path: Path, t: int, k: int) -> None:
    """Another G[t, k] changes the truncations whose windows hold it, and no other."""
    before = PAGE.partition('id="data">')
    text, mark, after = before[2].partition("</script>")
    data = json.loads(text)
    cell = data["runs"]["rnn/pytorch/untrained"]["G"][t][k]
    cell[1][2] += 0.5
    file = tmp_path / "changed.html"
    file.write_text(f"{before[0]}{before[1]}{json.dumps(data)}{mark}{after}")
    norms = "return arguments[0].map(([k1, k2]) => biasOf(now.run.G, k1, k2).truncated)"
    was = opened(browser).execute_script(norms, ALL)
    now = opened(browser, file=file.as_uri()).execute_script(norms, ALL)
    for (k1, k2), a, b in zip(ALL, was, now, strict=True):
        assert (abs(a - b) > 1e-6) == window_mask(T, k1, k2)[t, k], (k1, k2)


def test_the_smallest_k2_may_be_one(browser: Any) -> None:
    """Where only the diagonal has anything; and a bias that grows again later does not count as small."""
    diagonal = [[float(t == k) for k in range(4)] for t in range(4)]
    assert opened(browser).execute_script("return smallestK2(arguments[0], 0.1)", diagonal) == 1
    rng = np.random.default_rng(0)
    for _ in range(20):
        G = np.tril(rng.normal(size=(6, 6)))[..., None]
        assert browser.execute_script("return smallestK2(arguments[0], 0.5)", G.tolist()) == smallest_k2(G, 0.5)


def formulas(v: Callable[[str], Array], moment: str, cell: str) -> list[Array]:
    """What a moment's operands give, written down once more, from docs/derivation.md."""
    if moment in ("state", "gates"):
        a, s = v("x") @ v("W_xh") + v("b_xh"), v("h_prev") @ v("W_hh") + v("b_hh")
        if cell == "rnn":
            return [np.tanh(a + s)]
        if cell == "lstm":
            z = np.split(a + s, 4, axis=1)
            return [sigmoid(z[0]), sigmoid(z[1]), np.tanh(z[2]), sigmoid(z[3])]
        (a_r, a_z, a_n), (s_r, s_z, s_n) = np.split(a, 3, axis=1), np.split(s, 3, axis=1)
        r = sigmoid(a_r + s_r)
        return [r, sigmoid(a_z + s_z), np.tanh(a_n + r * s_n)]
    simple = {
        "cell": lambda: v("f") * v("c_prev") + v("i") * v("g"),
        "output": lambda: v("o") * np.tanh(v("c")),
        "mixes": lambda: (1 - v("z")) * v("n") + v("z") * v("h_prev"),
        "arrives": lambda: v("d_output") + v("next"),
        "through": lambda: v("dh") * (1 - v("h") ** 2),
        "into_cell": lambda: v("dc_next") + v("dh") * v("o") * (1 - np.tanh(v("c")) ** 2),
        "adds": lambda: v("h_prev").T @ v("ds" if cell == "gru" else "dz"),
        "sends": lambda: v("dh") * v("z") + v("ds") @ v("W_hh").T if cell == "gru" else v("dz") @ v("W_hh").T,
        "sends_cell": lambda: v("dc") * v("f"),
        "reset": lambda: v("da") * np.concatenate([np.ones_like(v("r"))] * 2 + [v("r")], axis=1),
    }
    if moment == "through_gates" and cell == "lstm":
        dc, i, f, g, o = v("dc"), v("i"), v("f"), v("g"), v("o")
        parts = (dc * g * i * (1 - i), dc * v("c_prev") * f * (1 - f), dc * i * (1 - g * g))
        return [np.concatenate((*parts, v("dh") * np.tanh(v("c")) * o * (1 - o)), axis=1)]
    if moment == "through_gates":
        dh, r, z, n = v("dh"), v("r"), v("z"), v("n")
        da_n = dh * (1 - z) * (1 - n * n)
        return [np.concatenate((da_n * v("s_n") * r * (1 - r), dh * (v("h_prev") - n) * z * (1 - z), da_n), axis=1)]
    return [simple[moment]()]


Shown = list[tuple[str, Array, bool]]  # the arrays of a moment: name, values, and whether it is a result


def walked(browser: Any, first: int, last: int) -> Iterator[tuple[int, str, int, Shown]]:
    """Goes through some moments, and tells of each its number, its id, its step and the arrays in its panel."""
    script = """const [first, last] = arguments, found = [];
        for (let step = first; step <= last; step++) {
            walk(step);
            const {m, k} = momentsOf(now.run)[now.step - 1];
            found.push([step, m.id, k, [...document.querySelectorAll("#operands figure")].map((f) =>
                [f.dataset.name, f.dataset.shape, f.dataset.values, f.classList.contains("result")])]);
        }
        return found;"""
    for step, moment, k, figures in browser.execute_script(script, first, last):
        shown = []
        for name, shape, values, is_result in figures:
            shown.append((name, np.array(values.split(), float).reshape(list(map(int, shape.split()))), is_result))
        yield step, moment, k, shown


@pytest.mark.parametrize(("name", "loss"), [*((name, 0) for name in RUNS), *((name, 9) for name in FIRST.values())])
def test_at_every_step_the_operands_give_the_result_and_are_the_layers(browser: Any, name: str, loss: int) -> None:
    """With TBPTT(5, 7). The numbers at the steps backward are those of the layer, too."""
    run, cell = RUNS[name], RUNS[name]["cell"]
    layer, x, h_0, d_output = layer_of(run)
    if loss:
        d_output = d_output * (np.arange(T) == loss - 1)[:, None, None]
    _, _, cache = layer.forward(x, h_0)
    grads = layer.backward(d_output, None, cache, k1=5, k2=7)
    opened(browser, link_of(name, k1=5, k2=7, loss=loss))
    steps = int(browser.find_element("id", "step").get_attribute("max"))
    forward = sum(moment["phase"] == "forward" for moment in DATA["moments"][cell])
    assert steps == T * forward + (loss or T) * (len(DATA["moments"][cell]) - forward)  # back from the last chosen loss
    total: Any = 0
    for step, moment, k, found in walked(browser, 1, steps):
        given = {key: a for key, a, is_result in found if not is_result}
        results = [a for _, a, is_result in found if is_result]
        for ours, theirs in zip(formulas(given.__getitem__, moment, cell), results, strict=True):
            assert np.abs(ours - theirs).max() <= 1e-10 * max(np.abs(theirs).max(), 1e-30), (step, moment)
        if moment in ("state", "output", "mixes"):
            assert near(results[0][0], cache.layers[0].states[0][k + 1, 0], 0)
        if moment == "adds":
            total = total + results[0]
    assert near(total, grads.params["W_hh_l0"], 0)
    sent = browser.execute_script("return valuesOf('sent', 0, null)")
    assert near(sent, (grads.h_0[0] if cell == "lstm" else grads.h_0)[0, 0], 0)


@pytest.mark.parametrize("bug", RUNS["rnn/pytorch/untrained"]["bugs"])
def test_a_planted_bugs_cells_are_red(browser: Any, bug: str) -> None:
    name = "rnn/orthogonal/untrained"
    run = RUNS[name]
    G, right = np.array(run["bugs"][bug]["G"], float), np.array(run["G"], float)
    off = np.linalg.norm(G - right, axis=(2, 3)) > 1e-9 * np.linalg.norm(right, axis=(2, 3))
    opened(browser, link_of(name))
    assert browser.find_elements("css selector", "#triangle td.wrong") == []
    Select(browser.find_element("id", "bug")).select_by_value(bug)
    script = """return [...document.querySelectorAll("#triangle td.wrong")].map((c) => [Number(c.dataset.t),
        Number(c.dataset.k), c.querySelector("small").textContent.length > 0, c.title])"""
    red = browser.execute_script(script)
    assert {(t, k) for t, k, *_ in red} == set(zip(*map(tuple, np.nonzero(off)), strict=True))
    for t, k, has_right, title in red:
        assert has_right
        assert title.endswith(f"right: {float(f'{np.linalg.norm(right[t, k]):.3e}'):.4g}") or "e" in title
    assert values(browser, "full-norm") == pytest.approx([np.linalg.norm(G.sum(axis=(0, 1)))], rel=1e-9)
    moments = browser.execute_script("return momentsOf(now.run).map((o) => o.m.id)")
    browser.execute_script("walk(arguments[0])", moments.index(run["bugs"][bug]["moment"], 20) + 1)
    assert "This is the right line; with the bug:" in browser.find_element("id", "source").text


WRONG = {  # the bug, the moment that it changes, and what its operands give
    "dropped": ("arrives", lambda v: v("d_output")),
    "transpose": ("sends", lambda v: v("dz") @ v("W_hh")),
    "state": ("adds", lambda v: v("h").T @ v("dz")),
    "tanh": ("through", lambda v: v("dh") * (1 - v("h"))),
}


@pytest.mark.parametrize("bug", WRONG)
def test_with_a_planted_bug_the_operands_give_the_wrong_result(browser: Any, bug: str) -> None:
    name, (wrong_moment, wrong_formula) = "rnn/orthogonal/untrained", WRONG[bug]
    opened(browser, link_of(name, bug=bug, k1=2, k2=5))
    total: Any = 0
    for step, moment, _, found in walked(browser, T + 1, 5 * T):
        given = {key: a for key, a, is_result in found if not is_result}
        (result,) = (a for _, a, is_result in found if is_result)
        v = given.__getitem__
        ours = wrong_formula(v) if moment == wrong_moment else formulas(v, moment, "rnn")[0]
        assert np.abs(ours - result).max() <= 1e-10 * max(np.abs(result).max(), 1e-30), (step, moment)
        total = total + (result if moment == "adds" else 0)
    parts = np.array(RUNS[name]["bugs"][bug]["G"], float)[window_mask(T, 2, 5)]
    assert near(total, parts.sum(axis=0), 0)


def test_a_wrong_result_has_the_right_one_beside_it(browser: Any) -> None:
    name = "rnn/pytorch/untrained"
    opened(browser, link_of(name, bug="tanh", k1=3, k2=5))
    layer, x, h_0, d_output = layer_of(RUNS[name])
    _, _, cache = layer.forward(x, h_0)
    right = layer.backward(d_output, None, cache, k1=3, k2=5).params["W_hh_l0"]
    total: Any = 0
    for *_, found in walked(browser, T + 1, 5 * T):
        named = {key: a for key, a, _ in found}
        if "right part" in named or "part" in named:
            total = total + named.get("right part", named.get("part"))
    assert near(total, right, 0)


def test_the_keys(browser: Any) -> None:
    opened(browser)
    body = browser.find_element("tag name", "body")
    step = browser.find_element("id", "step")

    def at() -> int:
        return int(step.get_attribute("value"))

    body.send_keys(Keys.END)
    assert at() == 5 * T
    body.send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert at() == 5 * T - 2
    body.send_keys(Keys.HOME)
    assert at() == 1
    body.send_keys(Keys.PAGE_DOWN, Keys.PAGE_DOWN, Keys.ARROW_RIGHT, Keys.PAGE_UP)
    assert at() == 3
    step.send_keys(Keys.ARROW_RIGHT)
    assert at() == 4
    body.send_keys(" ")
    assert browser.find_element("id", "play").text == "❚❚ pause"
    body.send_keys(" ")
    assert browser.find_element("id", "play").text == "▶ play"
    Select(browser.find_element("id", "loss")).select_by_value("0")
    browser.find_element("id", "loss").send_keys(Keys.ARROW_RIGHT)
    assert (at(), browser.find_element("id", "loss").get_attribute("value")) == (5, "0")
    step.send_keys(" ")
    assert browser.find_element("id", "play").text == "❚❚ pause"
    step.send_keys(" ")
    for button, expected in (("last", 5 * T), ("back", 5 * T - 1), ("first", 1), ("next", 2)):
        browser.find_element("id", button).send_keys(Keys.ENTER)
        assert at() == expected


def test_a_k2_below_k1_is_not_to_be_had(browser: Any) -> None:
    """The one that was set last stays, the other one follows, and the page says why."""

    def shown() -> list[int]:
        return [int(browser.find_element("id", name).get_attribute("value")) for name in ("k1", "k2")]

    opened(browser, "k1=5&k2=7")
    typed(browser, "k2", 3)
    assert shown() == [3, 3]
    assert "So k1 is 3 now, too." in browser.find_element("id", "why").text
    typed(browser, "k1", 9)
    assert shown() == [9, 9]
    assert "So k2 is 9 now, too." in browser.find_element("id", "why").text
    typed(browser, "k2", 40)
    assert shown() == [9, T]
    assert browser.find_element("id", "why").text == ""


def test_a_number_counts_while_it_is_typed(browser: Any) -> None:
    """And an empty field shows, as a placeholder, what holds."""
    opened(browser, "k1=1&k2=7")
    field = browser.find_element("id", "k2")
    field.clear()
    assert (field.get_attribute("value"), field.get_attribute("placeholder")) == ("", "7")
    field.send_keys("4")
    assert browser.execute_script("return [now.k1, now.k2]") == [1, 4]


def test_a_link_restores_what_was_seen(browser: Any) -> None:
    """And only that: what a link cannot mean is the page's beginning."""
    ids = ("cell", "start", "training", "loss", "k1", "k2", "bug", "step")
    wanted = ("rnn", "rho0", "learnt", "9", "2", "5", "tanh", "33")
    opened(browser, "&".join(f"{key}={v}" for key, v in zip(ids, wanted, strict=True)))
    assert tuple(browser.find_element("id", key).get_attribute("value") for key in ids) == wanted
    typed(browser, "k2", 6)
    address = browser.current_url
    browser.get("about:blank")
    browser.get(address)
    assert browser.find_element("id", "k2").get_attribute("value") == "6"
    assert browser.find_element("id", "bug").get_attribute("value") == "tanh"
    opened(browser, "cell=lstm&k2=3")
    shown = [browser.find_element("id", key).get_attribute("value") for key in ("cell", "k1", "k2")]
    assert shown == ["lstm", "1", "3"]
    opened(browser, "cell=elman&start=none&k1=x&k2=-4&loss=77&bug=none&step=1e9")
    assert browser.find_element("id", "cell").get_attribute("value") == "rnn"
    assert browser.find_element("id", "loss").get_attribute("value") == "0"
    assert browser.get_log("browser") == []


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (900, False), (1600, True)])
def test_no_width_needs_a_sideways_scroll(browser: Any, width: int, dark: bool) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    try:
        for name in FIRST.values():
            for step in (1, 45):
                opened(browser, link_of(name, k1=2, k2=5, step=step, bug="transpose"))
                wide = browser.execute_script(
                    """return [document.documentElement.scrollWidth, ...[...document.querySelectorAll(
                    ".card, .card table, svg, .controls")].map((e) => e.getBoundingClientRect().right)]"""
                )
                assert max(wide) <= width + 0.5, (name, step)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_everything_has_a_label(browser: Any) -> None:
    opened(browser, "bug=tanh&step=40")
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = ("button", "combobox", "spinbutton", "slider", "image", "table", "textbox")
    named: dict[str, int] = {}
    for node in tree:
        role = node.get("role", {}).get("value")
        if role in roles and not node.get("ignored"):
            if role == "table" and not node.get("name", {}).get("value"):
                continue  # of the arrays, which have a caption of their own
            assert node.get("name", {}).get("value"), node
            named[role] = named.get(role, 0) + 1
    assert {"button", "combobox", "spinbutton", "slider", "image", "table"} <= set(named)


def test_the_question_waits_for_an_answer(browser: Any) -> None:
    opened(browser)
    assert browser.find_element("id", "answer").text == ""
    browser.find_element("id", "no").click()
    said = browser.find_element("id", "answer").text
    bias = truncation_bias(np.array(RUNS["rnn/pytorch/untrained"]["G"], float), 1, 3).relative
    assert f"misses only {100 * bias:.2g} % of the gradient of all losses" in said
    browser.find_element("css selector", "#see a").click()
    assert "The window of E9 starts here" in browser.find_element("id", "sentence").text
    assert said.startswith("Right: 0.50 of the answers")
    assert "With k2 = 4 it is 1.00" in said


def test_without_javascript_there_are_tables() -> None:
    G = np.array(RUNS["rnn/pytorch/untrained"]["G"], float)
    tables = PAGE.partition("<noscript>")[2].partition("</noscript>")[0]
    assert f"<td>{np.linalg.norm(G[7, 7]):.3g}</td>" in tables
    assert f"<td>{100 * truncation_bias(G, 1, 3).relative:.2g} %</td>" in tables
