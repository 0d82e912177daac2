"""The gallery shows what the examples draw, and names every example."""

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GALLERY = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
README = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
COMMANDS = sorted(set(re.findall(r"^ *python examples/(\w+\.py.*?) *(?:#.*)?$", GALLERY + README, re.MULTILINE)))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_shown(name):
    assert f"python examples/{name}.py" in GALLERY
    assert f"[{name}.py]({name}.py)" in README


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(load_example, command):
    script, *arguments = shlex.split(command)
    load_example(script.removesuffix(".py")).parse(arguments)


def test_pictures_are_there_and_small():
    shown = set(re.findall(r"!\[[^\]]{20,}\]\(images/([\w.]+)\)", GALLERY))  # with words for who cannot see them
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("benchmarks.md", "looking-inside.md")]
    elsewhere = set(re.findall(r"\]\(images/([\w.-]+)\)", "".join(pages)))
    assert shown == set(re.findall(r"images/([\w.]+)", GALLERY))
    assert shown | elsewhere == {path.name for path in (ROOT / "docs" / "images").iterdir()}
    for name in shown:
        assert (ROOT / "docs" / "images" / name).stat().st_size < 300_000
        assert re.search(rf"--(plot|animate) {re.escape(name)}$", GALLERY, re.MULTILINE)
