"""Sixty coupled numbers, step after step, by staticbp; the store is empty."""

import json
import sys
import time
import warnings

import numpy as np

import staticbp as bp

warnings.simplefilter("ignore")  # that the loop unrolls, which is what is wanted here
steps = int(sys.argv[1]) // (7 * 60)


def coupled(u, c):
    for _ in range(steps):
        c = [c[i] + 0.01 * (np.tanh(c[i - 1]) * u - c[i] * c[(i + 1) % 60]) for i in range(60)]
    return sum(x * x for x in c)


start_of_all = [0.1 + 0.01 * i for i in range(60)]
bp.grad(lambda x, y: x * y)(0.7, 0.3)  # what is done once only
start = time.perf_counter()
slope = bp.grad(coupled)(0.5, start_of_all)
print(json.dumps({"answer": float(slope), "seconds": time.perf_counter() - start}), flush=True)
