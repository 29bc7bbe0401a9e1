"""Noise corpora: which files, of which kind, under which id."""

import pytest

from espnet2_ext.bin import prepare_noise
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp

KINDS = {
    "dns": {
        "dns-datasets_fullband-noise_fullband-fan_Freesound_validated_1_0": "dns",
        "dns-datasets_fullband-noise_fullband--0bCuYU5Cl4_x": "dns",
    },
    "wham": {"wham-tt-40na010a_0.5_40oa0101_-0.5": "wham"},
    "musan": {
        "musan-noise-free-sound-noise-free-sound-0000": "musan_noise",
        "musan-noise-sound-bible-noise-sound-bible-0004": "musan_noise",
        "musan-music-fma-music-fma-0003": "musan_music",
    },
    "demand": {
        "demand-DKITCHEN-ch01": "demand_domestic",
        "demand-NPARK-ch01": "demand_nature",
        "demand-TMETRO-ch01": "demand_transportation",
    },
}


def prepare(out, **roots):
    words = [f"--corpus={name}={root}" for name, root in roots.items()]
    prepare_noise.main([*words, "--out_dir", str(out)])
    return read_scp(out / "noise.scp"), read_scp(out / "utt2type")


def test_all_four_together_are_told_apart(corpus, tmp_path):
    files, kinds = prepare(tmp_path / "out", **{name: corpus(name) for name in KINDS})
    assert kinds == {
        utt: kind for found in KINDS.values() for utt, kind in found.items()
    }
    assert set(files) == set(kinds)
    assert files["demand-NPARK-ch01"] == f"{corpus('demand')}/NPARK/ch01.wav"
    name = "dns-datasets_fullband-noise_fullband--0bCuYU5Cl4_x"
    assert files[name].endswith("/-0bCuYU5Cl4 x.wav")


def test_older_layout_of_dns_is_known_too(corpus, tmp_path):
    root = corpus("dns")
    (root / "datasets_fullband/noise_fullband").rename(root / "noise")
    (root / "datasets").mkdir()
    (root / "noise").rename(root / "datasets/noise")
    files, _ = prepare(tmp_path / "out", dns=root)
    assert sorted(files)[1] == "dns-datasets-noise-fan_Freesound_validated_1_0"


def test_everything_missing_in_several_corpora_is_said_at_once(corpus, tmp_path):
    import shutil

    shutil.rmtree(corpus("musan") / "music")
    shutil.rmtree(corpus("wham") / "tt")
    (corpus("demand") / "NPARK/ch01.wav").write_bytes(b"RIFF")
    with pytest.raises(UserError) as error:
        prepare(
            tmp_path / "out",
            dns="",
            **{x: corpus(x) for x in ("musan", "wham", "demand")},
        )
    text = str(error.value)
    for part in (
        *("DNS of db.sh is empty", "microsoft/DNS-Challenge"),
        *("music/*/*.wav:0: -: found no such files", "openslr.org/17"),
        *("tt/*.wav:0: -: found no such files", "wham.whisper.ai"),
        *("NPARK/ch01.wav:0: -: found no audio in the file", "zenodo.org/record"),
    ):
        assert part in text
    assert not (tmp_path / "out").exists()


def test_unknown_corpus_is_named_with_the_choices(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'musan'"):
        prepare(tmp_path / "out", musan2="x")
    with pytest.raises(UserError, match="expected one of dns, wham, musan, demand"):
        prepare(tmp_path / "out")
