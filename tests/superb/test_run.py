import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.superb.run import read_conditions


@pytest.mark.parametrize("value", ["noisy", "=a.scp", "noisy=", "a b=c", "../x=c", "."])
def test_conditions_are_a_name_and_a_list(value):
    with pytest.raises(UserError, match="expected NAME=SCP"):
        read_conditions([value])


def test_conditions_keep_their_order_and_come_once():
    conditions = read_conditions(["noisy=a.scp", "enh_train_x=exp/y=z.scp"])
    assert conditions == {"noisy": "a.scp", "enh_train_x": "exp/y=z.scp"}
    with pytest.raises(UserError, match="each name once"):
        read_conditions(["a=b", "a=c"])
