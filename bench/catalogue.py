"""The workloads, in the order in which they are run, and what is promised of each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.workload import Target, Workload

TORCH = ("torch", "torch, compiled")
JAX = ("jax", "jax, x @ W")
PEERS = (*JAX, *TORCH, "pytensor", "autograd")
BY_HAND = ("numba", "numpy")
COPIES = ("memory, copied by NumPy", "memory, copied on all threads")

# Who takes a millisecond or more for a sample: over fewer of them it comes to the same time a sample.
SLOW = dict.fromkeys((*TORCH, "autograd", "numpy"), 100)
SLOWLY = "PyTorch, autograd and NumPy, who take a millisecond or so a sample, are timed over 100 of them"

NUMBA = Target(("numba",), 1.0, 0.7, "Numba by hand")


def mnist(name: str, title: str, job: str, targets: Sequence[Target], **others: Any) -> Workload:
    """A job of bench/workloads/mnist; what is not about the workload is a setting."""
    about = {key: others.pop(key) for key in ("step", "quick", "brief", "absent", "sweep") if key in others}
    peers = PEERS if job != "forward" else PEERS[:-1]  # autograd's value is NumPy's
    entrants = others.pop("entrants", ("staticbp", *peers, *BY_HAND)) + others.pop("yardsticks", ())
    return Workload(name, title, "mnist", job, entrants, tuple(targets), others, **about)


def minibatch(dtype: str, gemms: tuple[float, float]) -> Workload:
    return mnist(
        f"minibatch-{dtype}",
        f"MNIST 784-300-100-10: SGD in a compiled loop, minibatches of 128, {dtype}",
        "minibatch",
        [
            Target((*JAX, *TORCH, "pytensor"), 0.65, 0.50, "the best of JAX, PyTorch and PyTensor"),
            Target(("openblas, gemms alone",), *gemms, "its eight products alone, by OpenBLAS"),
            NUMBA,
        ],
        yardsticks=("openblas, gemms alone",),
        step="step of 128 samples",
        quick={"samples": 1280},
        dtype=dtype,
        samples=5120,
        minibatch=128,
    )


def samples(dtype: str, jax: tuple[float, float], numba: tuple[float, float]) -> Workload:
    return mnist(
        f"samples-{dtype}",
        f"MNIST 784-300-100-10: SGD in a compiled loop, one sample at a time, {dtype}",
        "samples",
        [
            Target(JAX, *jax, "JAX, lax.scan"),
            Target(("numba",), *numba, "Numba by hand"),
        ],
        step="sample",
        quick={"samples": 500},
        brief=SLOW,
        absent=SLOWLY,
        dtype=dtype,
        samples=3000,
    )


def calls(dtype: str) -> Workload:
    return mnist(
        f"calls-{dtype}",
        f"MNIST 784-300-100-10: one call from Python for each sample, the network donated, {dtype}",
        "calls",
        [
            Target((*JAX, "pytensor"), 0.60, 0.40, "JAX with donation and PyTensor with shared variables"),
            NUMBA,
        ],
        step="call",
        quick={"samples": 500},
        brief=SLOW,
        absent=SLOWLY,
        dtype=dtype,
        samples=1000,
    )


def elementwise(dtype: str) -> Workload:
    return Workload(
        f"elementwise-{dtype}",
        f"The gradient of sum(tanh(x)*exp(-x*x) + log1p(x*x)), a million elements, {dtype}",
        "elementwise",
        "gradient",
        ("staticbp", "jax", *TORCH, "pytensor", "autograd", *BY_HAND),
        (
            Target(("jax", *TORCH, "pytensor", "autograd"), 0.6, 0.3, "the best peer"),
            NUMBA,
        ),
        dict(dtype=dtype, size=1_000_000),
    )


def start(kind: str) -> Workload:
    jax, reach, aim = {"warm": ("jax, cached", 0.7, 0.5), "cold": ("jax", 3.0, 1.5)}[kind]
    says = {"warm": "JAX with its persistent cache warm", "cold": "JAX, cold"}[kind]
    return Workload(
        f"start-{kind}",
        f"From the start of a process to its first MNIST gradient, {kind}, float32",
        "starts",
        "first_gradient",
        ("staticbp", jax, "torch", "autograd"),
        (Target((jax,), reach, aim, says),),
        dict(dtype="float32", cold=kind == "cold", rounds=7 if kind == "warm" else 5),
        dict(rounds=2),
        absent="PyTorch and autograd compile nothing here",
    )


def growth(operations: int, job: str = "chain") -> Workload:
    """One after the other, or those of numbers that are `coupled`; JAX is not asked for the largest: minutes."""
    target = Target(("jax",), 0.4, 0.1, "JAX")
    chain = job == "chain"
    return Workload(
        f"compile-{operations}" if chain else f"compile-{job}-{operations}",
        f"Compiling the gradient of {operations:,} scalar operations{'' if chain else ' on sixty numbers'}",
        "growth",
        job,
        ("staticbp", "jax") if operations <= 4000 else ("staticbp",),
        (target,) if operations == 4000 else (),
        dict(dtype="float64", cold=True, operations=operations, rounds=3 if operations < 4000 else 1),
        dict(rounds=1),
        sweep=("compile", operations) if chain else None,
    )


FEW = ("staticbp", "jax", "torch", "numba")


def batch(size: int) -> Workload:
    return mnist(
        f"batch-{size}",
        f"MNIST 784-300-100-10: SGD in a compiled loop, minibatches of {size}, float32",
        "minibatch",
        (),
        entrants=FEW,
        step=f"step of {size} samples",
        quick={"samples": 2 * size},
        sweep=("batch", size),
        dtype="float32",
        samples=max(2048, 4 * size),
        minibatch=size,
    )


def width(neurons: int) -> Workload:
    hidden = (neurons, max(neurons // 3, 10))
    return mnist(
        f"width-{neurons}",
        f"MNIST 784-{hidden[0]}-{hidden[1]}-10: SGD in a compiled loop, minibatches of 128, float32",
        "minibatch",
        (),
        entrants=FEW,
        step="step of 128 samples",
        quick={"samples": 256},
        sweep=("width", neurons),
        dtype="float32",
        samples=1280,
        minibatch=128,
        hidden=hidden,
    )


def machine(dtype: str) -> Workload:
    return Workload(
        f"machine-{dtype}",
        f"What the machine can do: a product of 1024 × 1024, a copy of 128 MiB, a pass over weights, {dtype}",
        "limits",
        "limits",
        ("openblas, product", "memory, copy", "memory, weights in cache"),
        (),
        dict(dtype=dtype, side=1024, megabytes=128),
    )


def on_one_thread(workload: Workload) -> Workload:
    """The same with one thread for everybody. No target is about that."""
    entrants = tuple(name for name in workload.entrants if name in FEW)
    return replace(
        workload,
        name=f"{workload.name}-one-thread",
        title=f"{workload.title}, on one thread",
        entrants=entrants,
        targets=(),
        threads=1,
    )


IN_PARALLEL: tuple[Workload, ...] = (
    minibatch("float32", (0.90, 0.70)),
    minibatch("float64", (0.85, 0.70)),
    samples("float32", (0.60, 0.35), (0.75, 0.75)),
    samples("float64", (0.50, 0.35), (0.65, 0.65)),
    calls("float32"),
    calls("float64"),
    mnist(
        "gradient",
        "MNIST 784-300-100-10: value and gradient for a minibatch of 128, float32",
        "gradient",
        [Target(PEERS, 0.70, 0.55, "the best peer"), NUMBA],
        dtype="float32",
        samples=128,
        minibatch=128,
    ),
    mnist(
        "forward",
        "MNIST 784-300-100-10: the probabilities for a minibatch of 128, float32",
        "forward",
        [Target(("numpy",), 0.65, 0.50, "the same written in NumPy")],
        dtype="float32",
        samples=128,
        minibatch=128,
    ),
    mnist(
        "forward-sample",
        "MNIST 784-300-100-10: the probabilities for one sample, float64",
        "forward",
        [Target(("numpy",), 0.65, 0.50, "the same written in NumPy")],
        dtype="float64",
        samples=1,
    ),
    Workload(
        "moons",
        "Two moons 2-16-16-1: a step on 50 points, hinge and L2, one call, float64",
        "moons",
        "step",
        ("staticbp", "jax", *TORCH, "pytensor", "autograd", *BY_HAND),
        (
            Target(("jax",), 0.25, 0.15, "JAX jit"),
            Target(("pytensor", "numba"), 1.0, 0.7, "PyTensor and Numba by hand"),
        ),
        dict(dtype="float64", points=50),
    ),
    Workload(
        "scalar",
        "The gradient of x*y + sin x, one call, float64",
        "scalar",
        "gradient",
        ("staticbp", "jax", *TORCH, "pytensor", "casadi", "casadi, buffer", "autograd", *BY_HAND),
        (
            Target(("jax", "casadi"), 0.35, 0.10, "JAX jit and CasADi"),
            Target(("pytensor",), 1.2, 0.5, "PyTensor with trusted input"),
            NUMBA,
        ),
        dict(dtype="float64"),
    ),
    Workload(
        "scan-scalars",
        "The gradient through a scan of 614 steps with 60 scalars in the carry, float64",
        "scalars",
        "gradient",
        ("staticbp", "jax", "jax, as one array", "casadi", *BY_HAND),
        (
            Target(("jax",), 0.02, 0.009, "JAX"),
            Target(("numba",), 0.3, 0.14, "Numba by hand"),
        ),
        dict(dtype="float64", steps=614, leaves=60),
        absent="PyTorch and autograd would take a second, and PyTensor's scan takes minutes to compile",
    ),
    Workload(
        "scan-matrices",
        "The gradient through a scan of 614 products of 3×3 matrices, float64",
        "matrices",
        "gradient",
        ("staticbp", "jax", "torch", "pytensor", "autograd", "casadi", *BY_HAND),
        (
            Target(("jax",), 0.30, 0.20, "JAX"),
            Target(("numba",), 0.1, 0.1, "Numba by hand with @"),
        ),
        dict(dtype="float64", steps=614),
        absent="torch.compile would unroll the loop",
    ),
    Workload(
        "volume",
        "The gradient of the squared differences along each axis of a 256³ volume, float32",
        "volume",
        "gradient",
        ("staticbp", "jax", *TORCH, "pytensor", "autograd", *BY_HAND, *COPIES, "memory, copied into new memory"),
        (
            Target(("jax", *TORCH, "pytensor", "autograd"), 0.7, 0.5, "the best peer"),
            Target(COPIES, 1.5, 1.1, "the time to move the bytes"),
            NUMBA,
        ),
        dict(dtype="float32", side=256),
        dict(side=128),
    ),
    elementwise("float32"),
    elementwise("float64"),
    Workload(
        "record",
        "The gradient in a record of six arrays of 8 numbers, one call, float64",
        "parameters",
        "gradient",
        ("staticbp", "jax", *TORCH, "pytensor", "autograd", *BY_HAND, "numba, one call"),
        (
            Target(("numba, one call",), 8.0, 3.0, "one Numba call with the same arrays"),
            NUMBA,
        ),
        dict(dtype="float64", size=8),
    ),
    Workload(
        "block",
        "The gradient of a transformer's block, 128 × 64, 4 heads and 256 neurons, by its weights, float64",
        "block",
        "gradient",
        ("staticbp", "jax", *TORCH, "autograd", "numpy"),
        (),
        dict(dtype="float64", length=128, width=64, heads=4, neurons=256),
    ),
    Workload(
        "deconvolution",
        "The gradient of a misfit after a blur by Fourier transforms, 256 × 256, float64",
        "deconvolution",
        "gradient",
        ("staticbp", "jax", "torch", "numpy"),
        (),
        dict(dtype="float64", side=256),
        absent="PyTensor and autograd have no such pair of transforms, and torch.compile leaves them as they are",
    ),
    Workload(
        "groups",
        "The gradient of a hierarchical model's density, 10,000 points in 50 groups, float64",
        "groups",
        "gradient",
        ("staticbp", "jax", *TORCH, "pytensor", "autograd", "numpy"),
        (),
        dict(dtype="float64", points=10_000, groups=50),
    ),
    Workload(
        "heat",
        "The gradient through 100 steps of the heat equation on 128 × 128 points, float64",
        "heat",
        "gradient",
        ("staticbp", "jax", "torch", *BY_HAND),
        (),
        dict(dtype="float64", side=128, steps=100),
        absent="torch.compile would unroll the loop",
    ),
    *(start(kind) for kind in ("warm", "cold")),
    *(growth(operations) for operations in (100, 1000, 4000, 10_000)),
    growth(4000, "coupled"),
    *(batch(size) for size in (8, 64, 512)),
    *(width(neurons) for neurons in (30, 100, 1000)),
    *(machine(dtype) for dtype in ("float32", "float64")),
)
WORKLOADS: tuple[Workload, ...] = (
    *IN_PARALLEL,
    *(
        on_one_thread(workload)
        for workload in IN_PARALLEL
        if workload.name in ("minibatch-float32", "samples-float32", "elementwise-float32", "volume")
    ),
)


def named(names: Sequence[str]) -> tuple[Workload, ...]:
    """The workloads of these names, or, where a name is nobody's, whose names begin so; all for none.

    >>> [workload.name for workload in named(["samples"])]
    ['samples-float32', 'samples-float64']
    """
    if not names:
        return WORKLOADS
    known = {workload.name for workload in WORKLOADS}

    def wanted(workload: Workload) -> bool:
        return any(workload.name == name or (name not in known and workload.name.startswith(name)) for name in names)

    return tuple(filter(wanted, WORKLOADS))
