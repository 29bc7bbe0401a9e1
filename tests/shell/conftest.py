import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return a recipe with stages 3 and 4 done on 48 kHz input, and their output."""
    from staged import make_recipe, stages  # the path is known by now

    recipe = make_recipe(tmp_path_factory.mktemp("recipes"))
    done = stages(recipe, 3, 4)
    assert done.returncode == 0, done.stdout + done.stderr
    return recipe, done.stdout
