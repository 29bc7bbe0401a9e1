from __future__ import annotations

import numpy as np

from espnet2_ext.enh.observation_adding import add_observation


def test_mixture_is_linear_and_within_both() -> None:
    rng = np.random.default_rng(0)
    e, y = rng.uniform(-1, 1, (2, 50)).astype(np.float32)
    for w in (0.1, 0.5, 0.9):
        mixed = add_observation(e, y, w)
        assert mixed.dtype == np.float32
        assert (mixed <= np.maximum(e, y) + 1e-6).all()
        assert (mixed >= np.minimum(e, y) - 1e-6).all()
        # adding to a mixture is adding once: the shares of the enhanced multiply
        np.testing.assert_allclose(
            add_observation(mixed, y, 0.5),
            add_observation(e, y, (1 + w) / 2),
            atol=1e-6,
        )
        # what the enhancement took away, 1 - w of it stays away
        np.testing.assert_allclose(y - mixed, (1 - w) * (y - e), atol=1e-6)
