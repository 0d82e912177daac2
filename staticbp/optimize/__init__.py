"""Minima, maxima and zeros, by compiled derivatives.

Two kinds of functions are here.  Those that iterate yield a point for each step, as Haskell's `ad` does: they are
short, they can be watched, and take any structure.  Those called as in ``scipy.optimize`` hand SciPy's solvers the
derivatives that they want.

Examples
--------
>>> import numpy as np
>>> import staticbp as bp
>>> bp.optimize.last(bp.optimize.find_zero(lambda x: np.cos(x) - x, 1.0))
np.float64(0.7390851332151607)
>>> rosenbrock = lambda p: (1.0 - p[0]) ** 2 + 100.0 * (p[1] - p[0] ** 2) ** 2
>>> bp.optimize.minimize(rosenbrock, np.array([-1.0, 2.0]), method="trust-exact").x.round(6)
array([1., 1.])
"""

from staticbp.optimize.descent import (
    conjugate_gradient_ascent,
    conjugate_gradient_descent,
    gradient_ascent,
    gradient_descent,
    stochastic_gradient_descent,
)
from staticbp.optimize.iterates import last
from staticbp.optimize.solvers import least_squares, minimize, root
from staticbp.optimize.zeros import extremum, find_zero, fixed_point, inverse

__all__ = [
    "conjugate_gradient_ascent",
    "conjugate_gradient_descent",
    "extremum",
    "find_zero",
    "fixed_point",
    "gradient_ascent",
    "gradient_descent",
    "inverse",
    "last",
    "least_squares",
    "minimize",
    "root",
    "stochastic_gradient_descent",
]
