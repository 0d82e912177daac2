"""More wrong programs by category, in the form of `programs.py`: about derivatives, loops and what tracing freezes."""

DIFFERENTIATION = {
    "NonScalarGradError": """
return x
>>> bp.grad(f)(X, Y, N)
---
return x.sum(), y.sum()
>>> bp.grad(f)(X, Y, N)
---
return n
>>> bp.grad(f)(X, Y, N)
---
return {"a": x.sum()}
>>> bp.grad(f)(X, Y, N)
---
return np.argmax(x)
>>> bp.grad(f)(X, Y, N)
---
return A
>>> bp.grad(f)(X, Y, N)
---
return None
>>> bp.grad(f)(X, Y, N)
---
return x[0] > 0
>>> bp.value_and_grad(f)(X, Y, N)
""",
    "IntegerDifferentiationError": """
return x.sum() * n
>>> bp.grad(f, 2)(X, Y, N)
---
return x.sum() * n
>>> bp.grad(f, (0, 2))(X, Y, N)
---
return x.sum()
>>> bp.grad(f)(np.arange(3), Y, N)
---
return x["w"].sum() * x["k"]
>>> bp.grad(f)({"w": X, "k": 3}, Y, N)
---
return x.sum()
>>> bp.grad(f)(X > 0, Y, N)
""",
    "NotDifferentiableError": """
return bp.nondifferentiable(lambda v: v * 2.0)(x[0])
>>> bp.grad(f)(X, Y, N)
""",
    "ArgumentError": """
return x.sum()
>>> bp.grad(f, 7)(X, Y, N)
---
return x.sum()
>>> bp.grad(f)()
---
return x.sum()
>>> bp.compile(f)(object(), Y, N)
---
return x.sum()
>>> bp.compile(f)(X, Y, {1, 2})
---
return x.sum()
>>> bp.compile(f, static_argnums=9)(X, Y, N)
---
return x.sum()
>>> bp.compile(f, static_argnames="nope")(X, Y, N)
---
return x.sum()
>>> bp.compile(f, static_argnums=2)(X, Y, [1])
---
return object()
---
return {1, 2}
---
return x.sum()
>>> bp.grad(f, has_aux=True)(X, Y, N)
---
return x.sum()
>>> bp.grad(f)(X, Y, 2**70)
""",
    "StructureError": """
return x
>>> bp.vjp(lambda a: (a, a), X)[1](X)
---
return x
>>> bp.jvp(lambda a: a, (X,), ((X, X),))
---
return x
>>> bp.jvp(lambda a, b: a, (X, X), (X,))
""",
    "DtypeError": """
return x.astype("U3")
---
return x.astype(object)
---
return x & y[:3]
---
return x << 1
---
return ~x
---
return np.bitwise_or(x, 1)
---
return x.sum()
>>> bp.compile(f)(np.array(["a", "b"]), Y, N)
---
return x.sum()
>>> bp.compile(f)(np.array([object()]), Y, N)
---
return x.sum()
>>> bp.compile(f)(np.zeros(3, "M8[s]"), Y, N)
---
return x.sum()
>>> bp.compile(f)(np.zeros(3, "f2"), Y, N)
""",
}

CONTROL = {
    "ControlFlowError": """
return bp.fold(lambda c, v: x, 0.0, y)
---
return bp.scan(lambda c, v: c, 0.0, y)
---
return bp.fold(lambda c, v: c + v, 0.0, (x, y))
---
return bp.cond(x[0] > 0, lambda: x, lambda: y)
---
return bp.cond(x, lambda: x, lambda: x)
---
return bp.while_loop(lambda v: v, lambda v: v, x)
---
return bp.while_loop(lambda v: v[0] < 1, lambda v: (v, v), x)
---
return bp.fori_loop(0, 3, lambda i, c: (c, c), x)
---
return bp.switch(0, [], x)
---
return bp.fold(lambda c, v: c, 0.0, 3.0)
---
return bp.scan(lambda c, v: (c, v), 0.0, None)
---
return bp.cond(x[0] > 0, lambda: {"a": x}, lambda: {"b": x})
""",
    "TracedAttributeError": """
return x.no_such_method()
---
return x.summ()
---
return x.weights
""",
    "UserError": """
return np.nosuchfunction(x)
---
return np.zeros(np.argmax(x))
---
return np.matmul(A, A) + x
---
return undefined_name + x
---
return x + "text"
---
return np.sin(x, x, x, x)
---
return [1][3] + x
---
return {"a": 1}["b"] + x
---
return x.shape[3]
---
return (1 / 0) * x
---
raise ValueError("mine")
---
return x()
""",
}

RANDOM = {
    "FrozenRandomError": """
return x + np.random.normal(size=3)
---
return x * np.random.rand()
---
np.random.shuffle(A); return x
---
import random; return x * random.random()
---
return x[np.random.permutation(3)]
""",
    "LeakedTracerError": """
KEPT.append(x); return x.sum()
>>> (bp.compile(f)(X, Y, N), KEPT[0] + 1)
---
KEPT.append(x); return x.sum()
>>> (bp.compile(f)(X, Y, N), np.sin(KEPT[0]))
---
KEPT.append(x); return x.sum()
>>> (bp.compile(f)(X, Y, N), bp.compile(lambda z: z + KEPT[0])(X))
""",
}

PROGRAMS = {
    "differentiation": DIFFERENTIATION,
    "control": CONTROL,
    "random": RANDOM,
}
