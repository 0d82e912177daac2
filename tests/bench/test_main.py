"""The command line, and the file of raw figures."""

import pytest

from bench.__main__ import load, main, save
from bench.results import Result


def test_list_names_every_workload(capsys):
    main(["--list"])
    assert "samples-float64" in capsys.readouterr().out


def test_an_unknown_name_ends_the_run():
    with pytest.raises(SystemExit, match="no workload is called nonsense"):
        main(["nonsense"])


def test_raw_figures_are_added_to_those_that_are_there(tmp_path):
    path = tmp_path / "raw.json"
    save(path, [Result("a", {"staticbp": [1.0]}), Result("b", {"staticbp": [2.0]})])
    save(path, [Result("b", {"staticbp": [3.0]})])
    assert {result.name: result.times["staticbp"] for result in load(path)} == {"a": [1.0], "b": [3.0]}


def test_a_run_prints_its_table_and_keeps_its_figures(tmp_path, capsys):
    path = tmp_path / "raw.json"
    main(["scalar", "--quick", "--rounds=1", "--only=staticbp,numpy", f"--json={path}"])
    assert "staticbp takes" in capsys.readouterr().out
    (result,) = load(path)
    assert set(result.times) == {"staticbp", "numpy"}


def test_who_is_late_times_in_fewer_rounds(monkeypatch):
    asked = []

    class Module:
        @staticmethod
        def turns(workload, options):
            return 1

        @staticmethod
        def run_in_turn(workload, options, tick):
            asked.append(options.rounds)
            return Result(workload.name, {})

    monkeypatch.setattr("bench.__main__.module_of", lambda workload: Module)
    main(["samples", "--rounds=9", "--minutes=1000"])
    main(["samples", "--rounds=9", "--minutes=0.0000001"])
    assert asked == [9, 9, 9, 9, 3, 3]
