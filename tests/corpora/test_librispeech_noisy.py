"""Noisy LibriSpeech in miniature: what trains, what judges, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from espnet2_ext.bin.prepare_librispeech_noisy import main
from espnet2_ext.corpora.librispeech import read_part
from espnet2_ext.corpora.noise import divide, list_noises
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp


@pytest.fixture
def words(corpus, tmp_path):
    return [
        *("--corpus_dir", str(corpus("librispeech")), "--allow_partial"),
        *("--train_noise", f"musan={corpus('musan')}"),
        *("--train_noise", f"wham={corpus('wham')}"),
        *("--test_noise", f"demand={corpus('demand')}"),
        *("--nj", "1", "--out_dir", str(tmp_path / "data")),
    ]


@pytest.fixture
def data(words, tmp_path):
    main(words)
    return tmp_path / "data"


def noise_files(folder):
    """Names of the noise that a mixed set has."""
    return {
        name
        for value in read_scp(folder / "utt2noise").values()
        for name in value.split()[1:]
    }


def test_training_is_clean_and_the_others_are_mixed(data):
    assert list(read_scp(data / "train/wav.scp")) == [
        *("19-198-0000", "19-198-0001", "26-495-0000"),
    ]
    assert (data / "train/wav.scp").read_text() == (data / "train/spk1.scp").read_text()
    for name, ids in (
        ("valid", ["84-121123-0000"]),
        ("test_seen", ["61-70968-0000", "61-70970-0000"]),
        ("test_unseen", ["61-70968-0000", "61-70970-0000"]),
    ):
        folder = data / name
        assert list(read_scp(folder / "wav.scp")) == ids
        assert not [p for p in check_data_dir(folder, fs=16000) if not p.warning]
        streams = {
            kind: {k: read_audio(v)[0] for k, v in read_scp(folder / kind).items()}
            for kind in ("wav.scp", "spk1.scp", "noise1.scp")
        }
        for id_ in ids:
            total = streams["spk1.scp"][id_] + streams["noise1.scp"][id_]
            np.testing.assert_allclose(streams["wav.scp"][id_], total, atol=1e-4)
    assert read_scp(data / "test_seen/text")["61-70968-0000"].startswith("HE BEGAN")
    assert read_scp(data / "test_seen/utt2spk")["61-70968-0000"] == "61"


def test_no_noise_file_is_in_two_sets(data):
    train = set(read_scp(data / "noise_train/noises.scp"))
    sets = [train] + [noise_files(data / n) for n in ("valid", "test_seen")]
    for one in sets:
        assert one
        assert all(not one & other for other in sets if other is not one)
    assert not any(name.startswith("demand") for name in train)
    assert all(x.startswith("demand") for x in noise_files(data / "test_unseen"))


def test_second_run_keeps_what_is_there(words, tmp_path, capsys):
    main(words)
    before = (tmp_path / "data/test_seen/wav.scp").stat().st_mtime_ns
    capsys.readouterr()
    main(words)
    assert capsys.readouterr().out.count("complete and the same, kept") == 3
    assert (tmp_path / "data/test_seen/wav.scp").stat().st_mtime_ns == before


def test_copies_that_librimix_adds_to_wham_are_left_out(corpus):
    root = corpus("wham")
    (file,) = (root / "tr").iterdir()
    for speed in ("sp08", "sp12"):
        copy = file.with_name(f"{file.stem}{speed}.wav")
        copy.write_bytes(file.read_bytes())
    assert len(list_noises({"wham": str(root)}, "train")[0]) == 1
    (name,) = list_noises({"wham": str(root)}, "valid")[1].values()
    assert name == "wham"


@pytest.mark.parametrize("count", [3, 18, 100])
def test_files_are_divided_by_name_alone(count):
    ids = [f"file{n}" for n in range(count)]
    parts = divide(ids)
    assert parts == divide(ids[::-1])
    sizes = [list(parts.values()).count(p) for p in ("valid", "test", "train")]
    tenth = max(1, count // 10)
    assert sizes == [tenth, tenth, count - 2 * tenth]


def test_corpus_in_the_folder_that_archives_make_is_found(corpus, tmp_path):
    root = corpus("librispeech")
    (tmp_path / "downloads").mkdir()
    root.rename(tmp_path / "downloads/LibriSpeech")
    found = read_part(tmp_path / "downloads", "train-clean-100", allow_partial=True)
    assert found["26-495-0000"].text == "IT'S A LITTLE ABBEY"
    assert found["26-495-0000"].speaker == "26"
    assert found["26-495-0000"].path.is_file()


def test_incomplete_part_is_refused_with_the_published_count(words):
    words.remove("--allow_partial")
    with pytest.raises(UserError, match=r"3 utterances.*expected 28539"):
        main(words)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--train_parts", "train-clean-10"], "Did you mean 'train-clean-100'"),
        (["--train_noise", "demand=x"], r"found demand in --train_noise and --test"),
        (["--train_noise", "musan"], r"found --train_noise musan; expected NAME=DIR"),
        (["--train_noise", "mussan=x"], "Did you mean 'musan'"),
        (["--rirs_dir", "/nowhere"], r"/nowhere: found no simulated_rirs"),
    ],
)
def test_option_that_cannot_be_meant_is_one_clear_error(
    words, change, message, tmp_path
):
    with pytest.raises(UserError, match=message):
        main([*words, *change])
    assert not (tmp_path / "data/train").exists()


def test_rooms_are_listed_where_there_are_some(words, tmp_path):
    room = tmp_path / "RIRS_NOISES/simulated_rirs/smallroom/Room001/Room001-00001.wav"
    room.parent.mkdir(parents=True)
    room.write_bytes(b"x" * 50)
    main([*words, "--rirs_dir", str(tmp_path / "RIRS_NOISES")])
    assert list(read_scp(tmp_path / "data/noise_train/rirs.scp")) == [
        "smallroom-Room001-00001"
    ]
