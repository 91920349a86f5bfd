"""The tables, and what `python -m tests.bench` exits with."""

from contextlib import nullcontext

import pytest

from tests.bench import __main__ as command
from tests.bench import table
from tests.bench.rounds import Benchmark, Goal, Ran, measure, share, times


def benchmark(ours=0.5, said="fine", most=0.1):
    variants = {"floor": lambda: Ran(0.1, None), "ours": lambda: Ran(ours, said, {"peak": 7.0}), "theirs": lambda: Ran(10.0, "fine")}
    goals = (
        Goal("time, as a share", share("ours", "theirs"), at_most=most, headline="our share"),
        Goal("times faster than nobody", times("ours", "nobody"), at_least=2, needs=("nobody",)),
        Goal("(told)", share("ours", "floor")),
    )
    return Benchmark("wave", "a wave", variants, "floor", "theirs", goals, {"nobody": "not installed"}, silent=("floor",))


def test_a_benchmark_shows_limits_ratios_verdicts_and_who_is_absent():
    shown = table.markdown(measure(benchmark()))

    assert "| time, as a share | at most 0.1 | 0.05 | 0.05 | 0.05 | pass |" in shown
    assert "| times faster than nobody | at least 2 |  |  |  | absent |" in shown
    assert "| ours | 0.5 | 0.5 to 0.5 | peak 7 |" in shown
    assert "| nobody | absent | | not installed |" in shown


def test_what_is_not_good_is_loud():
    assert "| **missed** |" in table.markdown(measure(benchmark(ours=5.0)))
    wrong = table.markdown(measure(benchmark(said="other")))
    assert "| **wrong** |" in wrong
    assert "**found out something else**" in wrong


def test_the_readme_keeps_everything_but_the_excerpt(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.put(readme, table.excerpt([measure(benchmark())]))

    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| our share | at most 0.1 | 0.05 | pass |" in text
    assert "2 goals: 1 pass, 1 absent" in text


def test_a_readme_without_marks_is_left_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    with pytest.raises(ValueError, match="bench: begin"):
        table.put(readme, "excerpt")


@pytest.mark.parametrize(("ours", "said", "code"), [(0.5, "fine", 0), (5.0, "fine", 1), (0.5, "other", 1)])
def test_the_exit_code_says_whether_anything_is_missed_or_wrong(monkeypatch, ours, said, code):
    monkeypatch.setattr(command, "BENCHMARKS", {"wave": lambda: nullcontext(benchmark(ours, said))})

    assert command.main(["wave"]) == code


def test_a_variant_that_breaks_is_told_and_is_no_pass(monkeypatch, capsys):
    def broken():
        raise AssertionError("ended with 3")

    made = benchmark()
    made.variants["ours"] = broken
    monkeypatch.setattr(command, "BENCHMARKS", {"wave": lambda: nullcontext(made)})

    assert command.main(["wave"]) == 1
    assert "wave BROKE: ended with 3" in capsys.readouterr().err


def test_a_noisy_pass_is_loud_and_no_failure(monkeypatch, capsys):
    seconds = iter([1.0, 9.0] * 20)
    made = benchmark()
    made.variants["floor"] = lambda: Ran(next(seconds), None)
    monkeypatch.setattr(command, "BENCHMARKS", {"wave": lambda: nullcontext(made)})

    assert command.main(["wave"]) == 0
    assert "NOISY" in capsys.readouterr().out


def test_an_unknown_name_is_refused(capsys):
    with pytest.raises(SystemExit):
        command.main(["nothing"])
    assert "no benchmark is named nothing; there are: http" in capsys.readouterr().err
