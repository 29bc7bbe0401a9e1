import pytest

from espnet2_ext.errors import (
    UserError,
    check_installed,
    finite_number,
    run_main,
    unknown_name,
)


def test_user_error_ends_with_code_2_and_one_line(capsys):
    def main():
        raise UserError("found a; expected b; do c")

    with pytest.raises(SystemExit) as stopped:
        run_main(main)
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "ERROR: found a; expected b; do c\n"


def test_other_errors_keep_their_traceback():
    def main():
        raise KeyError("bug")

    with pytest.raises(KeyError):
        run_main(main)


def test_unknown_name_lists_choices_and_the_closest():
    text = str(unknown_name("distance", "msee", ["l1", "mse"]))
    assert text == (
        "Unknown distance 'msee'; expected one of: l1, mse. Did you mean 'mse'?"
    )
    assert "Did you mean" not in str(unknown_name("distance", "zzz", ["l1"]))


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (None, None)]
    + [(float(x), None) for x in ("nan", "inf", "-inf")],
)
def test_finite_number(value, number):
    assert finite_number(value) == number


def test_missing_library_is_named_with_the_install_command():
    with pytest.raises(UserError, match=r"no_such_lib.*pip install -e '\.\[score\]'"):
        check_installed("metric X", ["numpy", "no_such_lib"])
