"""Results as text, for the terminal."""

import statistics
from collections.abc import Iterator

from bench.results import OURS, Result, ratios, verdict
from bench.workload import Workload

UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


def duration(seconds: float) -> str:
    """
    >>> duration(0.00123), duration(42e-9), duration(3.2)
    ('1.23 ms', '42 ns', '3.2 s')
    """
    unit, size = next((pair for pair in UNITS if seconds >= pair[1]), UNITS[-1])
    return f"{figure(seconds / size)} {unit}"


def figure(number: float) -> str:
    """Three figures, without exponent.

    >>> figure(1234.5), figure(12.345), figure(0.01234)
    ('1234', '12.3', '0.0123')
    """
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.3g}"


def differences(workload: Workload, result: Result) -> Iterator[str]:
    """What was set otherwise than the workload has it, in a quick run for instance."""
    for key, value in result.settings.items():
        if value != workload.settings.get(key) and not isinstance(value, list | tuple):
            yield f"here {key} = {value}"


def lines(workload: Workload, result: Result) -> Iterator[str]:
    """One line for each entrant, then what became of the others and of the targets."""
    changed = "; ".join(differences(workload, result))
    yield f"{workload.name}: {workload.title}; time a {workload.step}" + (f" ({changed})" if changed else "")
    width = max(map(len, workload.entrants))
    ours = result.times.get(OURS)
    for name, times in result.times.items():
        spread = f"({duration(min(times))} to {duration(max(times))})"
        line = f"  {name:<{width}}  {duration(statistics.median(times)):>9}  {spread:<22}"
        if ours and name != OURS:
            median, low, high = ratios(ours, times)
            line += f"  staticbp takes {median:.3g} of it ({low:.3g} to {high:.3g})"
        yield line.rstrip()
    for name, why in result.excluded.items():
        yield f"  {name:<{width}}  EXCLUDED: {why}"
    for name, why in result.missing.items():
        yield f"  {name:<{width}}  {why}"
    for target in workload.targets:
        found = verdict(target, result.times)
        measured = "-" if found.ratio is None else f"{found.ratio:.3g} of {found.rival}"
        yield f"  target {target.reach} (aim {target.aim}) of {target.says}: {measured}: {found.word}"
