"""``python -m bench [NAMES]``: run benchmarks, all of them by default.

A complete run takes about a quarter of an hour, writes docs/benchmarks.md, its pictures, and the raw figures that they
were made from, bench/results.json. Any other run prints what it finds.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from bench import catalogue, machine, match, page, plots, starts
from bench.match import QUICK, Options
from bench.report import lines
from bench.results import Result
from bench.rounds import ROOT
from bench.workload import Workload

RAW = ROOT / "bench" / "results.json"
DOCS = ROOT / "docs"


def entrants(text: str) -> tuple[str, ...]:
    """
    >>> entrants("jax,jax; x @ W")
    ('jax', 'jax, x @ W')
    """
    return tuple(name.strip().replace(";", ",") for name in text.split(","))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Time staticbp beside other libraries.")
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="which workloads, or the beginnings of their names; default: all")
    add("--list", action="store_true", help="list them")
    add("--quick", action="store_true", help="rows only, short readings, some of smaller inputs, fewer libraries")
    add("--plot", action="store_true", help="draw what was found, to benchmarks.png in this directory")
    add("--rounds", type=int, help="how often each library is timed")
    add("--minutes", type=float, default=15, help="be done by then: whenever it gets late, three rounds (default: 15)")
    add("--threads", type=int, help="for each library (default: as many as there are processors)")
    add("--only", metavar="A,B", type=entrants, default=(), help="these entrants, 'jax,jax; x @ W,numba' for instance")
    add("--data", metavar="DIR", help="directory of the MNIST files (default: the part that comes with staticbp)")
    add("--json", metavar="FILE", type=Path, help="add the raw figures to it, in place of older ones")
    add("--render", metavar="FILE", type=Path, nargs="?", const=RAW, help="only write the page, from raw figures")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse(argv)
    workloads = catalogue.named(args.names)
    if args.quick and not args.names:
        workloads = tuple(each for each in workloads if not (each.sweep or each.threads or each.family == "limits"))
    if args.render:
        write_page(args.render)
    elif args.list:
        print("\n".join(f"{workload.name:<30} {workload.title}" for workload in workloads))
    elif not workloads:
        raise SystemExit(f"no workload is called {', '.join(args.names)}; --list lists them")
    else:
        results = run(workloads, args)
        complete = not (args.names or args.quick or args.only or args.threads)
        if args.plot:
            plots.compared(Path("benchmarks.png"), results)
        if complete:
            save(RAW, results)
            write_page(RAW)


def run(workloads: Sequence[Workload], args: argparse.Namespace) -> list[Result]:
    """Run them all, print each as soon as it is done."""
    base = QUICK if args.quick else Options()
    options = replace(base, threads=args.threads, only=args.only, data=args.data, rounds=args.rounds or base.rounds)
    results: list[Result] = []
    turns = [module_of(workload).turns(workload, options) for workload in workloads]
    begun = time.perf_counter()
    with tqdm(total=sum(turns), leave=False, disable=None) as bar:
        for number, workload in enumerate(workloads):
            due = 60 * args.minutes * sum(turns[:number]) / sum(turns)
            is_late = time.perf_counter() - begun > due > 0
            haste = replace(options, rounds=min(options.rounds, QUICK.rounds)) if is_late else options

            def tick(entrant: str, workload: Workload = workload) -> None:
                bar.set_description(f"{workload.name}: {entrant}")
                bar.update()

            start = time.perf_counter()
            results.append(module_of(workload).run_in_turn(workload, haste, tick))
            seconds = time.perf_counter() - start
            if args.json:
                save(args.json, results)
            bar.write("\n".join([*lines(workload, results[-1]), f"  (measured in {seconds:.0f} s)"]) + "\n")
    return results


def module_of(workload: Workload) -> ModuleType:
    """What measures a workload: programs that run once, or contestants that stay."""
    return starts if workload.family in ("starts", "growth") else match


def save(path: Path, results: Sequence[Result]) -> None:
    """Add them to the file: in place of those of the same workloads, beside the rest."""
    kept = load(path) if path.exists() else []
    merged = {result.name: result.as_json() for result in [*kept, *results]}
    found = {"machine": machine.describe(), "results": list(merged.values())}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> list[Result]:
    return [Result(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))["results"]]


def write_page(raw: Path) -> None:
    """docs/benchmarks.md and its pictures."""
    results = load(raw)
    about = json.loads(raw.read_text(encoding="utf-8"))["machine"]
    (DOCS / "benchmarks.md").write_text(page.render(about, results), encoding="utf-8")
    plots.compared(DOCS / "images" / "benchmarks.png", results)
    plots.grown(DOCS / "images" / "benchmarks-growth.png", results)
    print(f"Wrote {DOCS / 'benchmarks.md'}")


if __name__ == "__main__":
    main()
