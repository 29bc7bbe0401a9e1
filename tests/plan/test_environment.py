"""What is not installed is left out before stage 0, and named after it."""

from __future__ import annotations

import sys

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.plan.environment import Incomplete, complete, has
from espnet2_ext.plan.experiment import Experiment
from espnet2_ext.plan.parsers import deep


def lacking(name):
    raise ImportError(f"No module named '{name}'", name=name)


def test_packages_are_looked_for_and_not_imported():
    assert has(("json", "this"))
    assert "this" not in sys.modules
    assert not has(("json", "no_such_package"))


def test_a_broken_package_is_named_with_what_to_do():
    message = r"No module named 'torch'.*tools/setup\.sh"
    with pytest.raises(Incomplete, match=message), complete():
        lacking("torch")


def test_a_module_of_ours_that_is_missing_is_no_fault_of_the_environment():
    with pytest.raises(ImportError), complete():
        lacking("espnet2_ext.moved")


def test_what_stands_for_an_import_is_gone_afterwards(monkeypatch):
    for name in ("g2p_en", "inflect"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with complete():
        import inflect

        assert inflect.engine() is not None
        assert not hasattr(inflect, "__file__")
    assert "inflect" not in sys.modules


@pytest.mark.parametrize(("stages", "problems"), [({0, 6}, 0), ({6}, 1)])
def test_stage_0_may_complete_the_environment(stages, problems):
    plan = Experiment("enh_ssl", {}, frozenset(stages))
    assert len(list(deep(plan, "enh_config", lacking, "torch"))) == problems


def test_what_espnet_raises_becomes_a_message():
    plan = Experiment("enh_ssl", {}, frozenset({0}))
    (problem,) = deep(plan, "enh_args", int, "x")
    assert problem.startswith("--enh_args: cannot be checked (ValueError: ")

    def refuse():
        raise UserError("found x; expected y.")

    assert list(deep(plan, "enh_args", refuse)) == ["--enh_args: found x; expected y."]
