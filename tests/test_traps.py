"""The page of derivatives at the classic traps says what staticbp, JAX, PyTorch and autograd give."""

import numpy as np
import pytest

from tests.traps import PAGE, PEERS, TRAPS, by, ours, peers_of, row, rows

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def test_the_page_shows_what_staticbp_gives(request):
    text = PAGE.read_text(encoding="utf-8")
    recorded = rows(text)
    update = request.config.getoption("--update-golden")
    assert update or len(recorded) == len(TRAPS)
    known = {line.split("|")[1] + line.split("|")[2]: peers_of(line) for line in recorded}
    lines = []
    for trap in TRAPS:
        empty = row(trap, *ours(trap), list(PEERS))
        peers = known.get(empty.split("|")[1] + empty.split("|")[2], dict.fromkeys(PEERS, "unknown"))
        lines.append(row(trap, *ours(trap), [peers[library] for library in PEERS]))
    if update:
        head, tail = text.split("|---|\n")[0] + "|---|\n", text.split("\n\n## ", 1)[1]
        PAGE.write_text(head + "\n".join(lines) + "\n\n## " + tail, encoding="utf-8")
    else:
        assert recorded == lines, "--update-golden rewrites the table"


@pytest.mark.parametrize("library", PEERS)
def test_the_page_shows_what_others_give(library, request):
    try:
        gradient = by(library)
    except ImportError:
        pytest.skip(f"{library} is not installed")
    text = PAGE.read_text(encoding="utf-8")
    for line, trap in zip(rows(text), TRAPS, strict=True):
        peers = {**peers_of(line), library: gradient(trap)}
        right = f"{line.rsplit(' | ', len(PEERS))[0]} | {' | '.join(peers.values())} |"
        if request.config.getoption("--update-golden"):
            text = text.replace(line, right, 1)
            PAGE.write_text(text, encoding="utf-8")
        else:
            assert line == right


def test_a_derivative_is_nan_only_where_nobody_knows_it():
    """The angle of the origin, which PyTorch takes for 0, apart."""
    for line in rows(PAGE.read_text(encoding="utf-8")):
        value, found = line.split(" | ")[2], line.split("| **")[1]
        if "nan" in found.split("**")[0] and np.isfinite(float(value)) and "arctan2" not in line:
            assert all("nan" in other or other == "none" for other in peers_of(line).values())
