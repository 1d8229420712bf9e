"""What `train` prints: names of the user's are words and no marks of rich's."""

from gemvg.agent.cli.train import _print_plan
from gemvg.agent.cli.train_nano import _print_table
from gemvg.training.plan import Plan


def test_a_studys_tables_show_names_as_they_are(capsys):
    _print_table("[dev] of a[/b]", [["[arm]", "gain"], ["x[/y]", "[0.1, 0.2]"]])
    shown = capsys.readouterr().out
    for words in ("[dev] of a[/b]", "[arm]", "x[/y]", "[0.1, 0.2]"):
        assert words in shown
    _print_table("nothing", [["arm"]])
    assert capsys.readouterr().out == ""


def test_a_plan_shows_its_recipes_name_as_it_is(capsys):
    from rich.console import Console

    estimate = Plan(1, 1, {"weights": 1.0}, None, 1, 1, None, True)
    _print_plan("my [best] recipe[/x]", estimate, Console(width=100))
    assert "my [best] recipe[/x]" in capsys.readouterr().out
