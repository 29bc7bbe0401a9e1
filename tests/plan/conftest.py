import os

import pytest

from tests.conftest import ROOT
from tests.plan.recipes import SCRIPTS, make_recipe

UTILS = ROOT / "egs2/TEMPLATE/enh_ssl1/utils"


@pytest.fixture(scope="session")
def recipes(tmp_path_factory):
    """{template: a directory like that of the shipped recipe}."""
    directory = tmp_path_factory.mktemp("recipes")
    return {template: make_recipe(template, directory) for template in SCRIPTS}


@pytest.fixture
def enter(recipes, monkeypatch):
    """Work in the recipe of a template, with its job wrappers at hand."""

    def run(template):
        monkeypatch.chdir(recipes[template])
        monkeypatch.setenv("PATH", f"{UTILS}:{os.environ['PATH']}")
        return recipes[template]

    return run


@pytest.fixture
def no_environment(monkeypatch):
    """Be on a machine with no package installed."""
    for module in ("registries", "yamls", "trainings", "use", "downstream_options"):
        monkeypatch.setattr(f"espnet2_ext.plan.{module}.has", lambda packages: False)


@pytest.fixture
def readers_only(monkeypatch):
    """Leave out the checks that import ESPnet."""
    for module in ("trainings", "use"):
        monkeypatch.setattr(f"espnet2_ext.plan.{module}.has", lambda packages: False)
