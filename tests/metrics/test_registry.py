from __future__ import annotations

import pytest

from espnet2_ext.metrics.asr import RECOGNISERS
from espnet2_ext.metrics.quantity import ERROR_COUNT, MEAN, Quantity
from espnet2_ext.metrics.registry import QUANTITIES, quantity_of


@pytest.mark.parametrize("name", RECOGNISERS)
def test_word_errors_are_pooled_whatever_the_recogniser(name: str) -> None:
    quantity = quantity_of(f"WER_{name}")
    assert (quantity.kind, quantity.unit, quantity.digits) == (ERROR_COUNT, "%", 1)
    assert quantity.is_error_count
    assert not quantity.higher_is_better
    assert quantity.label == f"WER {RECOGNISERS[name].label}"


@pytest.mark.parametrize("key", [*QUANTITIES, "SSL_tiny"])
def test_all_other_numbers_are_averaged(key: str) -> None:
    quantity = quantity_of(key)
    assert (quantity.key, quantity.kind) == (key, MEAN)
    assert not quantity.is_error_count
    assert quantity.higher_is_better == (key != "SSL_tiny")


def test_how_a_quantity_is_pooled_does_not_hang_on_its_key() -> None:
    counted = Quantity("CER_any", "CER", "%", False, 1, kind=ERROR_COUNT)
    assert counted.is_error_count


def test_a_key_that_nobody_writes_is_unknown() -> None:
    with pytest.raises(KeyError):
        quantity_of("NO_SUCH")
