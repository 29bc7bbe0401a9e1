from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.asr.resolve import absolute_paths, config_problems


def test_relative_paths_of_files_become_absolute_and_nothing_else(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.model").write_text("x")
    config = {
        "bpemodel": "a.model",
        "lost": "b.model",
        "given": "/a.model",
        "number": 3,
        "token_list": ["a.model"],
        "data": [["a.model", "speech"], {"deep": "a.model"}],
    }
    found = str(tmp_path / "a.model")
    assert absolute_paths(config, [tmp_path / "no", tmp_path]) == {
        **config,
        "bpemodel": found,
        "data": [["a.model", "speech"], {"deep": found}],
    }


@pytest.mark.parametrize(
    ("config", "fs", "expected"),
    [
        ({}, "16k", []),
        ({"frontend_conf": {"fs": "8k"}}, "8000", []),
        ({}, "8k", ["frontend_conf.fs: 16000; expected 8k, the rate of the audio"]),
        ({"bpemodel": "https://host/a.model"}, "16k", []),
        (
            {"bpemodel": "a.model"},
            "16k",
            ["bpemodel: a.model: no such file; keep it where training had it"],
        ),
        (
            {"frontend": None},
            "8k",
            ["frontend: none; expected a recogniser of audio, not of stored features"],
        ),
    ],
)
def test_configuration_that_cannot_decode_the_audio_is_found(
    config, fs, expected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert list(config_problems(config, fs)) == expected
