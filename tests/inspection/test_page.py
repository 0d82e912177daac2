"""The page and the drawings: what is in them, and, where there is a browser, how they behave."""

import itertools
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import staticbp as bp
from staticbp.core import packages
from staticbp.errors import ArgumentError, MissingPackageError
from staticbp.inspection import drawing
from staticbp.runtime.load import JIT

RNG = np.random.default_rng(0)
NET = [(RNG.normal(size=(6, 4)), RNG.normal(size=6)), (RNG.normal(size=(3, 6)), RNG.normal(size=3))]
X, T = RNG.normal(size=4), np.array([0.0, 1.0, 0.0])


def run_layer(layer, x):
    weights, biases = layer
    return weights @ x + biases


@bp.differentiable
def net_err(net, x, target):
    for layer in net[:-1]:
        x = np.tanh(run_layer(layer, x))
    p = bp.special.softmax(run_layer(net[-1], x))
    return -np.log(p) @ target


@bp.differentiable
def recurrence(w, xs):
    def step(h, x):
        return np.tanh(w * h + x)

    return bp.fold(step, 0.0, xs)


@pytest.fixture(scope="module")
def inspection():
    return net_err.grad.inspect(NET, X, T)


@pytest.fixture(scope="module")
def page(inspection, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "net_err.html"
    inspection.save_html(path)
    return path


# ---- drawings ---------------------------------------------------------------------------------------------------


def test_nodes_edges_and_the_functions_they_belong_to(inspection):
    made = drawing.picture(inspection.graph, drawing.grouping(net_err.__wrapped__))
    graph = inspection.graph
    assert len(made.nodes) == len(graph.invars) + len(graph.eqns) + len(graph.outs)
    kinds = {kind: sum(node.kind == kind for node in made.nodes) for kind in drawing.COLOURS}
    assert kinds["adjoint"] == sum(eqn.adjoint for eqn in graph.eqns)
    assert (kinds["input"], kinds["output"], kinds["constant"]) == (6, 4, 0)
    assert {node.group for node in made.nodes if node.kind == "forward"} == {"run_layer", "net_err"}
    assert "f64[6,4]" in {edge.label for edge in made.edges}


def test_layout(inspection):
    made = drawing.arrange(drawing.picture(inspection.graph))
    assert all(edge.start.y + drawing.HEIGHT < edge.end.y for edge in made.edges)  # values flow downwards
    boxes = sorted((node.y, node.x) for node in made.nodes)
    assert all(y != v or x + drawing.WIDTH < u for (y, x), (v, u) in itertools.pairwise(boxes))
    assert min(node.x for node in made.nodes) >= drawing.WIDTH / 2
    assert made.width > max(node.x for node in made.nodes)


def test_bodies_of_loops_are_drawn():
    made = drawing.picture(recurrence.grad.inspect(0.5, X).graph)
    inner = [edge for edge in made.edges if edge.inner]
    assert {edge.start.detail.split()[0] for edge in inner} == {"scan"}
    assert any(node.detail.startswith("tanh") for node in made.nodes)


def test_formats(inspection, tmp_path):
    for suffix in drawing.FORMATS:
        inspection.draw(tmp_path / f"net{suffix}")
    svg = ET.fromstring((tmp_path / "net.svg").read_text())
    groups = [g for g in svg.iter("{http://www.w3.org/2000/svg}g") if g.get("class", "").startswith("node")]
    assert len(groups) == len(drawing.picture(inspection.graph).nodes)
    assert (tmp_path / "net.png").read_bytes().startswith(b"\x89PNG")
    dot = (tmp_path / "net.dot").read_text()
    assert re.search(r'subgraph cluster_\d+ \{\n    label="run_layer";', dot)
    assert re.search(r"n\d+ -> n\d+ \[label=\"f64\[6\]\"\];", dot)
    assert dot.count("{") == dot.count("}")
    mermaid = (tmp_path / "net.mmd").read_text()
    assert mermaid.startswith("flowchart TD\n")
    assert ":::adjoint" in mermaid
    with pytest.raises(ArgumentError, match=r"test_page\.py:\d+[^$]*end in one of \.svg, \.png, \.dot, \.mmd"):
        inspection.draw(tmp_path / "net.gif")


def test_packages_that_are_missing_are_named(inspection, tmp_path, monkeypatch):
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"igraph\n  Write: pip install 'staticbp\[inspect\]'"):
        inspection.save_html(tmp_path / "page.html")


# ---- the page, as text ------------------------------------------------------------------------------------------


def keys_in(text, pane):
    """The keys of the lines in a pane."""
    body = text.split(f'id="{pane}"')[1].split("</section>")[0]
    return [key for found in re.findall(r'data-keys="([^"]*)"', body) for key in found.split()]


def test_one_file_without_network(page):
    text = page.read_text()
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    for name in ("run_layer", "net_err", "net_err_grad", "Stages", "Assembly", "Memory"):
        assert name in text


def test_every_line_of_the_program_leads_to_the_graph_and_the_code(page):
    text = page.read_text()
    program = keys_in(text, "program")
    assert len(program) == len(set(program)) == 4
    for pane in ("drawn", "stages", "generated", *(["assembly"] if JIT else [])):
        assert set(program) <= set(keys_in(text, pane)), pane


# ---- the page, in a browser -------------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking",
    "disable-component-update disable-sync window-size=1440,860",
)


@pytest.fixture(scope="module")
def browser(page):
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium with its driver here to show the page in")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in " ".join(FLAGS).split():
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.get(Path(page).as_uri())
    yield driver
    errors = driver.get_log("browser")
    driver.quit()
    assert errors == []


LIT = "return [...document.querySelectorAll('%s .lit')].map(e => e.textContent.trim())"


def test_lines_light_up_in_all_panes(browser):
    rows = browser.find_elements("css selector", "#program .row[data-keys]")
    assert len(rows) == 4
    for row in rows:
        row.click()
        assert row.text.split(maxsplit=1)[1] == browser.execute_script(LIT % "#program")[0].lstrip("0123456789 ")
        nodes, code = browser.execute_script(LIT % "#drawn"), browser.execute_script(LIT % "#generated")
        assert nodes
        assert code
        row.click()
        assert browser.execute_script(LIT % "body") == []


def test_the_line_of_the_softmax(browser):
    row = next(r for r in browser.find_elements("css selector", "#program .row[data-keys]") if "softmax" in r.text)
    row.click()
    assert any("vm.exp(" in line for line in browser.execute_script(LIT % "#generated"))
    assert any("exp" in node for node in browser.execute_script(LIT % "#drawn"))
    row.click()


def test_it_works_with_the_keyboard(browser):
    body = browser.find_element("css selector", "body")
    body.send_keys("\ue015")  # arrow down
    first = browser.execute_script(LIT % "#program")
    body.send_keys("\ue015")
    second = browser.execute_script(LIT % "#program")
    assert first
    assert second
    assert first != second
    body.send_keys("\ue00c")  # escape
    assert browser.execute_script(LIT % "body") == []
    for key, pane in zip("123456", ("drawn", "stages", "cost", "memory", "generated", "assembly"), strict=True):
        body.send_keys(key)
        assert browser.find_element("id", pane).is_displayed(), pane
    body.send_keys("]")
    assert browser.find_element("id", "stage").text.startswith("2 of ")
    body.send_keys("[")
    assert browser.find_element("id", "stage").text.startswith("1 of ")
    before = browser.execute_script("return document.documentElement.className")
    body.send_keys("d")
    assert browser.execute_script("return document.documentElement.className") != before
    body.send_keys("15")


def test_the_page_is_laid_out_within_the_window(browser):
    sizes = browser.execute_script(
        "return [document.documentElement.scrollWidth, innerWidth, document.documentElement.scrollHeight, innerHeight]"
    )
    assert sizes[0] <= sizes[1]
    assert sizes[2] <= sizes[3]
