"""docs/coming-from-haskell.md answers for every name of the two libraries, and its tables say what is so."""

import contextlib
import io
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.test_docs import blocks

PAGE = Path(__file__).resolve().parent.parent / "docs" / "coming-from-haskell.md"
ROW = re.compile(r"^\| (?P<names>`.*`) \| `(?P<line>[^|]*)` \| `(?P<gives>[^|]*)` \|$", re.MULTILINE)
REASON = re.compile(r"^\| (?P<names>`[^|]*`) \| (?P<why>[^`|]{15,}) \|$", re.MULTILINE)

# What backprop (0.0.1 and the latest) and ad export.
NAMES = r"""
$> %~~ **. *. +. -. .~~ /. <$ <$> ^^. ^^.. ^^? ^^?! ABP absOp acoshOp acosOp AD addAsList AddFunc addFunc
addFuncs addIsList addNum addVec afNum afNums asinhOp asinOp atanhOp atanOp auto Backprop backprop backprop2
backpropN backpropWith backpropWith2 backpropWithN bindRef BPOp bpOp BPOpI BV BVar BVGroup CC choicesVar
coerce coerceVar collectVar composeOp composeOp1 conjugateGradientAscent conjugateGradientDescent
constrainedDescent constRef constVar coshOp cosOp diff diff' diffF diffF' diffs diffs0 diffs0F diffsF du du'
duF duF' dus dus0 dus0F dusF eval evalBP evalBP0 evalBP2 evalBPN evalBPOp evalOp expOp extremum extremumNoEq
findZero findZeroNoEq fixedPoint fixedPointNoEq fmap fmapConst foldl' foldr Forward fromIntegral fromIntegral'
GAdd genericAdd genericOne genericZero GOne Grad grad grad' gradBP gradBP2 gradBPN gradBPOp gradientAscent
gradientDescent gradOp gradOpWith Grads grads gradWith gradWith' GZero headJet hessian hessian' hessianF
hessianF' hessianProduct hessianProduct' idOp inverse inverseNoEq isoVar isoVar2 isoVar3 isoVarN jacobian
jacobian' jacobians jacobianT jacobianWith jacobianWith' jacobianWithT Jet jet joinBV Kahn length liftA2
liftA3 liftB2 liftOp liftOp1 liftOp2 liftOp3 logBaseOp logOp maclaurin maclaurin0 mapAccumL mapAccumR maximum
minimum Mode negateOp noGrad noGrad1 NumBP NumVec ofFunctor ofNum ofNums OneFunc oneFunc oneFuncs oneFunctor
oneNum oneVec oneVecNum Op op0 op1 op2 op3 opCoerce opConst opIso opIso2 opIso3 opIsoN opLens opTup overVar
previewVar product pure realToFrac Rec recipOp Reifies Reverse round RPureConstrained runOp Scalar sequenceVar
setVar signumOp sinhOp sinOp Sparse splitBV sqrtOp stochasticGradientDescent sum T2 T3 tailJet tanhOp tanOp
taylor taylor0 toList toListOfVar Tower traverse Tuple unjet vgrad vgrad' vgrads viewVar W withInps ZeroFunc
zeroFunc zeroFuncs zeroFunctor zeroNum zeroVec zeroVecNum zfFunctor zfNum zfNums ~$ ~.
"""


def namespace(text):
    """What the page's own code defines."""
    defined = {}
    for kind, code, line in blocks(text):
        assert not kind
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile("\n" * line + code, str(PAGE), "exec"), defined)
    return defined


def shown(value):
    return " ".join(repr(value).split())


def quoted(text):
    return re.findall(r"`([^`]+)`", text)


def test_every_line_gives_what_the_page_says(request):
    text = PAGE.read_text(encoding="utf-8")
    defined = namespace(text)
    right = ROW.sub(lambda row: f"| {row['names']} | `{row['line']}` | `{shown(eval(row['line'], defined))}` |", text)
    if right != text and request.config.getoption("--update-golden"):
        PAGE.write_text(right, encoding="utf-8")
    else:
        assert text == right, "the page shows something else than its lines give; --update-golden rewrites it"


def test_every_row_of_a_table_is_read():
    text = PAGE.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == len(ROW.findall(text)) + len(REASON.findall(text)) > 120


@pytest.mark.parametrize("name", NAMES.split())
def test_every_name_has_its_place(name):
    text = PAGE.read_text(encoding="utf-8")
    assert name in {n for row in [*ROW.finditer(text), *REASON.finditer(text)] for n in quoted(row["names"])}


def test_no_name_is_answered_twice():
    text = PAGE.read_text(encoding="utf-8")
    found = Counter(n for row in [*ROW.finditer(text), *REASON.finditer(text)] for n in quoted(row["names"]))
    assert [name for name, count in found.items() if count > 1] == []
