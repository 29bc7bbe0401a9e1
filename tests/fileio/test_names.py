"""An id becomes a file name within its folder, or is refused with its reason."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.names import (
    OutputFolder,
    check_ids,
    id_clashes,
    id_problem,
)

HOSTILE = {
    "/etc/passwd": "absolute",
    "/": "absolute",
    "": "empty",
    "..": "'..'",
    "../a": "'..'",
    "a/../../b": "'..'",
    "a/..": "'..'",
    "./a": "'.'",
    "a//b": "empty part",
    "a/": "empty part",
    "a\0b": "control character",
    "a\tb": "control character",
    "\x7f": "control character",
    "x" * 236: "236 bytes",
    "я" * 180: "360 bytes",
    "a/" + "x" * 240 + "/b": "240 bytes",
}
FRIENDLY = [
    "a",
    "spk1/ch/utt",
    "it's",
    '"quoted"',
    "ß-日本",
    "a.b..c",
    "-x",
    "~",
    "x" * 180,
]


@pytest.mark.parametrize("utt", HOSTILE)
def test_hostile_id_is_refused_with_its_reason(tmp_path, utt):
    assert HOSTILE[utt] in id_problem(utt)
    with pytest.raises(UserError, match="expected an id that can be a file name"):
        OutputFolder(tmp_path).path(utt, ".wav")
    with pytest.raises(UserError, match="somewhere: found 1 ids"):
        check_ids(["good", utt], "somewhere")


@pytest.mark.parametrize("utt", FRIENDLY)
def test_friendly_id_is_its_own_file_name(tmp_path, utt):
    assert not id_problem(utt)
    path = OutputFolder(tmp_path).path(utt, ".wav")
    assert str(path) == f"{tmp_path}/{utt}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(f".tmp.4194304.{path.name}").touch()
    path.touch()


@given(st.text(max_size=12, alphabet="a./\\ \0~'é"))
def test_no_id_leads_out_of_the_folder(utt):
    if not id_problem(utt):
        path = os.path.normpath(OutputFolder("/some/folder").path(utt, ".wav"))
        assert path == f"/some/folder/{utt}.wav"


@given(st.lists(st.text(min_size=1, max_size=6, alphabet="ab/.wv"), unique=True))
def test_ids_that_pass_together_can_be_written_together(tmp_path_factory, utts):
    utts = [utt for utt in utts if not id_problem(utt)]
    if not list(id_clashes(utts)):
        folder = OutputFolder(tmp_path_factory.mktemp("all"))
        paths = [folder.path(utt, ".wav") for utt in utts]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        assert len(set(paths)) == len(utts)


def test_ids_that_need_one_name_as_file_and_as_folder_are_refused():
    assert list(id_clashes(["a", "a/b", "a.wavy/c"])) == []
    assert list(id_clashes(["a", "a.wav/b"])) == [("a.wav/b", "a")]
    with pytest.raises(UserError, match=r"'a\.flac/x/y' and 'a' need one name"):
        check_ids(["a", "a.flac/x/y"], "wav.scp")


def test_input_is_never_written_over_by_whatever_name_it_is_known(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    (tmp_path / "out/a.wav").touch()
    for source in ("link/a.wav", "out/../out/a.wav"):
        folder = OutputFolder(tmp_path / "out", [str(tmp_path / source)])
        with pytest.raises(UserError, match="among the audio that is read"):
            folder.path("a", ".wav")
        folder.path("b", ".wav")
    archive = OutputFolder(tmp_path / "out", [str(tmp_path / "out/data.ark:17")])
    with pytest.raises(UserError, match="among the audio that is read"):
        archive.path("data", ".ark")


def test_link_within_the_folder_does_not_lead_out_of_it(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/spk").symlink_to(tmp_path)
    with pytest.raises(UserError, match="a link leads out"):
        OutputFolder(tmp_path / "out").path("spk/a", ".wav")
