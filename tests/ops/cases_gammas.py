"""Cases of SciPy's special functions that are made of others, and of its functions that are no ufuncs."""

from typing import Any

import numpy as np
import scipy.special as scipys

from staticbp.scipy import special

RNG = np.random.default_rng(26)
X = RNG.normal(size=(2, 3))
POSITIVE = RNG.uniform(0.3, 3.0, (2, 3))
OTHER = RNG.uniform(0.3, 3.0, 3)
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, -1.5, -2.5, 40.0, -40.0, np.inf, -np.inf, np.nan])
PAIRS = tuple(np.array(column) for column in zip(*((x, y) for x in SPECIAL for y in SPECIAL), strict=True))

CASES: list[tuple[str, Any, tuple[Any, ...]]] = [
    ("ndtr", scipys.ndtr, (X,)),
    ("ndtr/special", scipys.ndtr, (SPECIAL,)),
    ("ndtr/float32", scipys.ndtr, (X.astype(np.float32),)),
    ("xlog1py", scipys.xlog1py, (X, OTHER)),
    ("xlog1py/special", scipys.xlog1py, PAIRS),
    ("rel_entr", scipys.rel_entr, (POSITIVE, OTHER)),
    ("rel_entr/special", scipys.rel_entr, PAIRS),
    ("rel_entr/float32", scipys.rel_entr, (POSITIVE.astype(np.float32), OTHER.astype(np.float32))),
    ("kl_div", scipys.kl_div, (POSITIVE, OTHER)),
    ("kl_div/special", scipys.kl_div, PAIRS),
    ("boxcox", scipys.boxcox, (POSITIVE, OTHER)),
    ("boxcox/limit", lambda x: scipys.boxcox(x, 0.0), (POSITIVE,)),
    ("boxcox1p", scipys.boxcox1p, (POSITIVE, OTHER)),
    ("gammasgn", scipys.gammasgn, (X,)),
    ("gammasgn/float32", scipys.gammasgn, (SPECIAL[2:6].astype(np.float32),)),
    ("polygamma/0", lambda x: special.polygamma(0, x), (POSITIVE,)),
    ("polygamma/1", lambda x: special.polygamma(1, x), (POSITIVE,)),
    ("polygamma/3", lambda x: special.polygamma(3, x), (POSITIVE,)),
    ("polygamma/array", lambda x: special.polygamma(np.array([0, 1, 2]), x), (POSITIVE,)),
    ("multigammaln", lambda x: special.multigammaln(x, 3), (POSITIVE + 1.5,)),
    ("zeta", lambda x: scipys.zeta(2, x), (POSITIVE,)),
    ("gammaln/negative", scipys.gammaln, (X - 2.0,)),
    ("inv_boxcox", scipys.inv_boxcox, (POSITIVE, OTHER)),
    ("inv_boxcox/limit", lambda x: scipys.inv_boxcox(x, 0.0), (POSITIVE,)),
    ("inv_boxcox1p", scipys.inv_boxcox1p, (POSITIVE, OTHER)),
    ("softplus", special.softplus, (X,)),
    ("huber", scipys.huber, (OTHER, X)),
    ("huber/special", scipys.huber, PAIRS),
    ("pseudo_huber", scipys.pseudo_huber, (OTHER, X)),
    ("pseudo_huber/special", scipys.pseudo_huber, PAIRS),
    ("pseudo_huber/far", lambda r: scipys.pseudo_huber(2.0, r) / 1e150, (np.array([1e150, -1e153]),)),
    ("pseudo_huber/zero", lambda r: scipys.pseudo_huber([1.0, 2.0], r), (np.array([0.0, 1.5]),)),
    ("exp10", scipys.exp10, (X,)),
    ("cosm1", scipys.cosm1, (X,)),
    ("numpy's own", lambda x: [f(x) for f in (scipys.cbrt, scipys.exp2, scipys.expm1, scipys.log1p)], (POSITIVE,)),
    ("entr/scipy", scipys.entr, (POSITIVE,)),
    ("logit/scipy", scipys.logit, (POSITIVE / 4,)),
    ("log_expit/scipy", scipys.log_expit, (X,)),
    ("i0", np.i0, (X,)),
    *((name, getattr(scipys, name), (POSITIVE, OTHER)) for name in ("chdtr", "chdtrc")),
    ("chdtri", scipys.chdtri, (POSITIVE, OTHER / 4)),
    *((name, getattr(scipys, name), (POSITIVE, OTHER + 1, OTHER)) for name in ("fdtr", "fdtrc", "gdtr", "gdtrc")),
    *((name, getattr(scipys, name), (POSITIVE, OTHER + 1, OTHER / 4)) for name in ("fdtri", "gdtrix")),
    *((name, getattr(scipys, name), (np.arange(3), OTHER)) for name in ("pdtr", "pdtrc")),
    *(
        (name, getattr(scipys, name), (np.arange(3) + 0.5, np.array([4, 2, 2]), OTHER / 4))
        for name in ("bdtr", "bdtrc")
    ),
    *((name, getattr(scipys, name), (np.arange(3), np.array([4, 2, 3]), OTHER / 4)) for name in ("nbdtr", "nbdtrc")),
    ("exprel", scipys.exprel, (X,)),
    ("exprel/near zero", scipys.exprel, (np.array([0.0, 1e-6, -0.09, 0.11]),)),
    ("powm1", scipys.powm1, (POSITIVE, X)),
    ("sindg", scipys.sindg, (100 * X,)),
    ("cosdg", scipys.cosdg, (100 * X,)),
]
