"""A chain of scalar operations by staticbp; the store is empty."""

import json
import sys
import time
import warnings

import numpy as np

import staticbp as bp

warnings.simplefilter("ignore")  # that the loop unrolls, which is what is wanted here
operations = int(sys.argv[1])


def chain(x, y):
    for i in range(operations // 4):
        x = np.sin(x * y) + (0.5 + i / operations) * y
    return x


bp.grad(lambda x, y: x * y)(0.7, 0.3)  # what is done once only
start = time.perf_counter()
slope = bp.grad(chain, argnums=1)(0.7, 0.3)
print(json.dumps({"answer": float(slope), "seconds": time.perf_counter() - start}), flush=True)
