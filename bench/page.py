"""Results as the page docs/benchmarks.md, from the template page.md and the explanations in bounds.md."""

import re
import statistics
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench import agreement, limits
from bench.catalogue import WORKLOADS
from bench.match import QUICK
from bench.report import differences, duration, figure
from bench.results import OURS, Result, Verdict, ratios, verdict
from bench.workload import Workload

HERE = Path(__file__).resolve().parent
Pair = tuple[Workload, Result]


def render(machine: Mapping[str, str], results: Sequence[Result]) -> str:
    """The whole page."""
    template = string.Template((HERE / "page.md").read_text(encoding="utf-8"))
    pairs = paired(results)
    verdicts = [(workload, verdict(target, result.times)) for workload, result in pairs for target in workload.targets]
    held = sum(found.word in ("held", "aim") for _, found in verdicts)
    reached = sum(found.word == "aim" for _, found in verdicts)
    processors = int(machine["processors used"])
    plain = [pair for pair in pairs if not pair[0].sweep and not pair[0].threads and pair[0].family != "limits"]
    return template.substitute(
        tolerances=" and ".join(f"{bound:.0e} ({dtype})" for dtype, bound in agreement.TOLERANCES.items()),
        machine="\n".join(f"- {name}: {text}" for name, text in {**machine, "rounds": rounds(results)}.items()),
        kernels="\n".join(kernels(results)),
        score=f"Of {len(verdicts)} targets {held} are held, {reached} of them to the aim.",
        targets=table(("workload", "staticbp", "against", "ratio", "target", "aim", ""), target_rows(pairs)),
        rates=table(
            ("", "large product, OpenBLAS", "copy, read and written", "weights updated in cache"),
            rate_rows(pairs, processors),
        ),
        floors=table(("workload", "operations", "bytes", "floor", "staticbp", "of it"), floor_rows(pairs, processors)),
        bounds="\n\n".join(bounds(verdicts)),
        tables="\n\n".join(times_of(*pair) for pair in plain),
        growth=grown(pairs),
        threads=one_thread(pairs),
        memory=table(("workload", "", "a run adds", "peak of the process"), memory_rows(plain)),
    )


def paired(results: Sequence[Result]) -> list[Pair]:
    """Each workload with its result, in the catalogue's order."""
    by_name = {result.name: result for result in results}
    return [(workload, by_name[workload.name]) for workload in WORKLOADS if workload.name in by_name]


def rounds(results: Sequence[Result]) -> str:
    """How many, and a warning where they are few."""
    counts = [len(times) for result in results if "cold" not in result.settings for times in result.times.values()]
    least, most = min(counts, default=0), max(counts, default=0)
    few = " (a quick run: read the ratios with caution)" if least <= QUICK.rounds else ""
    return f"{least}{few}" if least == most else f"{least} to {most}{few}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def kernels(results: Sequence[Result]) -> Iterator[str]:
    """Each set of libraries, and whose processes had it."""
    owners: dict[str, set[str]] = {}
    for result in results:
        for name, loaded in result.kernels.items():
            words = "; ".join(loaded) or "none"
            owners.setdefault(f"{words} (limited)" if result.threads else words, set()).add(name)
    for words, names in sorted(owners.items()):
        if not words.endswith("(limited)"):
            yield f"- {words}: {', '.join(f'`{name}`' for name in sorted(names))}"


def target_rows(pairs: Sequence[Pair]) -> Iterator[Sequence[str]]:
    for workload, result in pairs:
        for number, target in enumerate(workload.targets):
            found = verdict(target, result.times)
            ours = duration(statistics.median(result.times[OURS])) if result.times.get(OURS) else "-"
            name, ours = (f"`{workload.name}`", ours) if number == 0 else ("", "")
            yield name, ours, against(found), spread(found), figure(target.reach), figure(target.aim), words(found)


def against(found: Verdict) -> str:
    who = f" ({found.rival})" if len(found.target.against) > 1 and found.rival else ""
    return found.target.says + who


def spread(found: Verdict) -> str:
    if found.ratio is None:
        return "-"
    return f"{figure(found.ratio)} [{figure(found.low)}, {figure(found.high)}]"


def words(found: Verdict) -> str:
    return {"aim": "held, and the aim", "NOT HELD": "**not held**"}.get(found.word, found.word)


def machine_rates(pairs: Sequence[Pair], processors: int) -> dict[str, limits.Rates]:
    found = {}
    for workload, result in pairs:
        if workload.family == "limits":
            rates = limits.rates(result, cores=result.threads or processors)
            if rates:
                found[workload.dtype] = rates
    return found


def rate_rows(pairs: Sequence[Pair], processors: int) -> Iterator[Sequence[str]]:
    for dtype, rates in machine_rates(pairs, processors).items():
        yield (
            dtype,
            f"{rates.flops / 1e9:.0f} GFLOP/s",
            f"{rates.bytes / 1e9:.0f} GB/s",
            f"{rates.weights / 1e9:.1f} billion a second",
        )


def floor_rows(pairs: Sequence[Pair], processors: int) -> Iterator[Sequence[str]]:
    rates = machine_rates(pairs, processors)
    for workload, result in pairs:
        if workload.sweep or workload.threads or workload.dtype not in rates:
            continue
        floor = limits.floor(workload, result, rates[workload.dtype])
        if floor:
            yield (
                f"`{workload.name}`",
                f"{floor.flops / 1e6:.3g} M" if floor.flops else "",
                f"{floor.bytes / 1e6:.3g} MB" if floor.bytes else "",
                f"{duration(floor.bound)} ({floor.by})",
                duration(floor.ours),
                f"{figure(floor.ours / floor.bound)} ×",
            )


def bounds(verdicts: Sequence[tuple[Workload, Verdict]]) -> Iterator[str]:
    """For each workload with a target that is not held, its explanation; without one the page says so."""
    sections = explanations((HERE / "bounds.md").read_text(encoding="utf-8"))
    missed: dict[str, list[Verdict]] = {}
    for workload, found in verdicts:
        if found.word in ("NOT HELD", "not measured"):
            missed.setdefault(workload.name, []).append(found)
    for name, several in missed.items():
        which = "; ".join(
            f"{spread(found)} of {against(found)} instead of {figure(found.target.reach)}" for found in several
        )
        yield f"**`{name}`**: {which}. {sections.get(name, 'What bounds it has not been found out.')}"


def explanations(text: str) -> dict[str, str]:
    """The sections of bounds.md by name.

    >>> explanations("# Title\\n\\n## moons\\n\\nThe call.\\n")
    {'moons': 'The call.'}
    """
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]
    return {name.strip(): body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def times_of(workload: Workload, result: Result) -> str:
    """One workload: all entrants, and what became of those that were not timed."""
    ours = result.times.get(OURS)
    rows = []
    for name, times in result.times.items():
        row = [name, duration(statistics.median(times)), f"{duration(min(times))} to {duration(max(times))}", ""]
        if ours and name != OURS:
            row[-1] = "{} [{}, {}]".format(*map(figure, ratios(ours, times)))
        rows.append(row)
    notes = [f"{name} is EXCLUDED: {why}." for name, why in result.excluded.items()]
    notes += [f"{name}: {why}." for name, why in result.missing.items()]
    notes += [f"{workload.absent}."] if workload.absent else []
    notes += [f"Quick run: {change}." for change in differences(workload, result)]
    head = ("", f"time a {workload.step}", "fastest and slowest round", "staticbp / it")
    return "\n\n".join([f"### {workload.name}", f"{workload.title}.", table(head, rows), *notes])


def grown(pairs: Sequence[Pair]) -> str:
    """A table for each sweep."""
    parts = []
    for sweep, unit in (("compile", "scalar operations"), ("batch", "samples in a batch"), ("width", "hidden neurons")):
        points = [pair for pair in pairs if pair[0].sweep and pair[0].sweep[0] == sweep]
        names = list(dict.fromkeys(name for _, result in points for name in result.times))
        rows = []
        for workload, result in points:
            assert workload.sweep
            cells = (result.times.get(name) for name in names)
            rows.append([f"{workload.sweep[1]:,}", *(duration(statistics.median(c)) if c else "" for c in cells)])
        if rows:
            parts.append(table((unit, *names), rows))
    return "\n\n".join(parts)


def one_thread(pairs: Sequence[Pair]) -> str:
    """Workloads that were run on one thread too, beside themselves on all."""
    by_name = {workload.name: result for workload, result in pairs}
    rows = []
    for workload, result in pairs:
        if not workload.threads:
            continue
        whole = by_name.get(workload.name.removesuffix("-one-thread"))
        for number, (name, times) in enumerate(result.times.items()):
            all_times = whole.times.get(name) if whole else None
            rows.append(
                [
                    f"`{workload.name.removesuffix('-one-thread')}`" if number == 0 else "",
                    name,
                    duration(statistics.median(times)),
                    duration(statistics.median(all_times)) if all_times else "",
                    figure(statistics.median(times) / statistics.median(all_times)) if all_times else "",
                ]
            )
    return table(("workload", "", "one thread", "all threads", "speed-up"), rows)


def memory_rows(pairs: Sequence[Pair]) -> Iterator[Sequence[str]]:
    for workload, result in pairs:
        if workload.name not in ("minibatch-float32", "samples-float32", "volume", "elementwise-float32"):
            continue
        for number, (name, found) in enumerate(result.memory.items()):
            run, peak = found["run"], found["peak"]
            yield (
                f"`{workload.name}`" if number == 0 else "",
                name,
                "" if run is None else f"{run / 1e6:.3g} MB",
                "" if peak is None else f"{peak / 1e6:.0f} MB",
            )
