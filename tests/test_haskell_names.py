"""docs/coming-from-haskell.md answers for every name of the two libraries."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.test_coming_from import REASON, ROW

PAGE = Path(__file__).resolve().parent.parent / "docs" / "coming-from-haskell.md"

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


def quoted(text):
    return re.findall(r"`([^`]+)`", text)


@pytest.mark.parametrize("name", NAMES.split())
def test_every_name_has_its_place(name):
    text = PAGE.read_text(encoding="utf-8")
    assert name in {n for row in [*ROW.finditer(text), *REASON.finditer(text)] for n in quoted(row["names"])}


def test_no_name_is_answered_twice():
    text = PAGE.read_text(encoding="utf-8")
    found = Counter(n for row in [*ROW.finditer(text), *REASON.finditer(text)] for n in quoted(row["names"]))
    assert [name for name, count in found.items() if count > 1] == []
