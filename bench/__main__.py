"""``python -m bench [NAMES]``: run benchmarks, all of them by default, with their default options.

Each can be run alone with options of its own, ``python -m bench.mnist_samples --help`` for instance.
"""

import argparse
import importlib

BENCHMARKS = ("mnist_samples", "first_gradient")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Time staticbp beside other libraries.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of {', '.join(BENCHMARKS)}; default: all")
    names = parser.parse_args().names
    if unknown := sorted(set(names) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        importlib.import_module(f"bench.{name}").main([])


if __name__ == "__main__":
    main()
