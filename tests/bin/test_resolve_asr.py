from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

from espnet2_ext.bin.resolve_asr import main
from espnet2_ext.errors import UserError
from tests.wrong_files import write_weights

CONFIG = {
    "token_list": ["<blank>", "data", "conf/decode.yaml", "<sos/eos>"],
    "bpemodel": "data/bpe.model",
    "frontend": "default",
    "frontend_conf": {"fs": "16k"},
    "normalize_conf": {"stats_file": "exp/stats/feats_stats.npz"},
    "train_data_path_and_name_and_type": [["dump/wav.scp", "speech", "sound"]],
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe directory as training leaves it; its paths are relative to itself."""
    root = tmp_path / "egs2/corpus/asr1"
    for name in ("data/bpe.model", "exp/stats/feats_stats.npz", "conf/decode.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    write_config(root, CONFIG)
    write_weights(root / "exp/asr_x/valid.acc.ave.pth")
    return root


def write_config(root: Path, config: dict) -> None:
    (root / "exp/asr_x").mkdir(parents=True, exist_ok=True)
    (root / "exp/asr_x/config.yaml").write_text(yaml.safe_dump(config))


def resolve(recipe: Path, *args: str, fs: str = "16k") -> dict[str, str]:
    out = recipe.parents[1] / "used"
    if not args:
        args = ("--asr_exp", str(recipe / "exp/asr_x"))
    main([*args, "--fs", fs, "--out_dir", str(out)])
    words = (out / "flags").read_text().splitlines()
    return dict(zip(words[::2], words[1::2], strict=True))


def test_files_are_found_from_another_directory(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = resolve(recipe)
    assert flags["--asr_model_file"] == str(recipe / "exp/asr_x/valid.acc.ave.pth")
    config = yaml.safe_load(Path(flags["--asr_train_config"]).read_text())
    assert config["bpemodel"] == str(recipe / "data/bpe.model")
    stats = config["normalize_conf"]["stats_file"]
    assert stats == str(recipe / "exp/stats/feats_stats.npz")
    # tokens stay tokens, though files of those names exist
    assert config["token_list"] == CONFIG["token_list"]


def test_weights_stand_for_the_configuration_beside_them(recipe: Path) -> None:
    given = recipe / "exp/asr_x/valid.acc.ave.pth"
    flags = resolve(recipe, "--asr_model_file", str(given))
    assert flags["--asr_model_file"] == str(given)
    other = recipe / "exp/asr_x/other.yaml"
    other.write_text(yaml.safe_dump({**CONFIG, "bpemodel": None}))
    flags = resolve(recipe, "--asr_model_file", str(given), "--asr_config", str(other))
    config = yaml.safe_load(Path(flags["--asr_train_config"]).read_text())
    assert config["bpemodel"] is None


def test_an_archive_of_espnet_is_unpacked_and_stays_usable(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from espnet2.bin.pack import main as pack

    monkeypatch.chdir(recipe)
    archive = str(tmp_path / "model.zip")
    pack(
        [
            *("asr", "--asr_train_config", "exp/asr_x/config.yaml"),
            *("--asr_model_file", "exp/asr_x/valid.acc.ave.pth"),
            *("--option", "data/bpe.model", "--option", "exp/stats/feats_stats.npz"),
            *("--outpath", archive),
        ]
    )
    monkeypatch.chdir(tmp_path)
    (recipe / "data/bpe.model").unlink()  # the one in the archive has to serve
    for _ in range(2):  # again over the remains of the first
        flags = resolve(recipe, "--asr_model_file", archive)
        given = recipe / "exp/asr_x/valid.acc.ave.pth"
        assert Path(flags["--asr_model_file"]).read_bytes() == given.read_bytes()
        config = yaml.safe_load(Path(flags["--asr_train_config"]).read_text())
        assert Path(config["bpemodel"]).is_absolute()
        assert Path(config["bpemodel"]).is_file()


def test_everything_missing_or_unfit_is_named_at_once(recipe: Path) -> None:
    (recipe / "data/bpe.model").unlink()
    (recipe / "exp/stats/feats_stats.npz").unlink()
    with pytest.raises(UserError) as found:
        resolve(recipe, fs="8k")
    message = str(found.value)
    assert "bpemodel: data/bpe.model: no such file" in message
    assert "normalize_conf.stats_file: exp/stats/feats_stats.npz" in message
    assert "frontend_conf.fs: 16k; expected 8k" in message
    assert not (recipe.parents[1] / "used/flags").exists()


def test_absent_weights_name_those_that_are_there(recipe: Path) -> None:
    with pytest.raises(UserError, match=r"there are: \['valid.acc.ave.pth'\]"):
        resolve(
            recipe,
            *("--asr_exp", str(recipe / "exp/asr_x")),
            *("--inference_asr_model", "valid.loss.ave.pth"),
        )


def test_recognisers_of_stored_features_are_refused(recipe: Path) -> None:
    write_config(recipe, {**CONFIG, "frontend": None})
    with pytest.raises(UserError, match="expected a recogniser of audio"):
        resolve(recipe)


def test_other_archives_and_other_configurations_are_refused(
    recipe: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "other.zip"
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("notes.txt", "x")
    with pytest.raises(UserError, match="cannot be unpacked"):
        resolve(recipe, "--asr_model_file", str(archive))
    meta = {"files": {"model_file": "m.pth"}, "yaml_files": {}}
    with zipfile.ZipFile(archive, "w") as stream:
        stream.writestr("meta.yaml", yaml.safe_dump(meta))
        stream.writestr("m.pth", "x")
    with pytest.raises(UserError, match=r"holds \['model_file'\]"):
        resolve(recipe, "--asr_model_file", str(archive))
    write_config(recipe, {"encoder": "stft"})
    with pytest.raises(UserError, match=r"not the config\.yaml of an ESPnet ASR"):
        resolve(recipe)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("beam_sise: 3", "Unknown option 'beam_sise'.*Did you mean 'beam_size'"),
        ("beam_size: many", "beam_size: found 'many'; expected a whole number"),
        ("a:\n\tb: 1", "found a tab"),
        ("beam_size: 3\nctc_weight: 0.3", None),
    ],
)
def test_options_of_decoding_are_checked_first(recipe: Path, content, message) -> None:
    path = recipe / "conf/decode_asr.yaml"
    path.write_text(content)
    words = ["--asr_exp", str(recipe / "exp/asr_x"), "--inference_config", str(path)]
    if message is None:
        resolve(recipe, *words)
        return
    with pytest.raises(UserError, match=rf"decode_asr\.yaml.*{message}"):
        resolve(recipe, *words)


@pytest.fixture
def hub(recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in of the hub's client, and what it has downloaded."""
    snapshot = tmp_path / "cache/models--someone--asr/snapshots/1"
    shutil.copytree(recipe, snapshot)
    meta = {
        "files": {"asr_model_file": "exp/asr_x/valid.acc.ave.pth"},
        "yaml_files": {"asr_train_config": "exp/asr_x/config.yaml"},
    }
    (snapshot / "meta.yaml").write_text(yaml.safe_dump(meta))

    def download(tag: str) -> str:
        if tag != "someone/asr":
            raise OSError("no network\nat all")
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return snapshot


def test_tag_of_a_hub_is_downloaded_with_the_files_that_its_configuration_names(
    hub: Path, recipe: Path
) -> None:
    flags = resolve(recipe, "--asr_model_file", "someone/asr")
    assert flags["--asr_model_file"] == str(hub / "exp/asr_x/valid.acc.ave.pth")
    config = yaml.safe_load(Path(flags["--asr_train_config"]).read_text())
    assert config["bpemodel"] == str(hub / "data/bpe.model")


def test_tag_that_cannot_be_had_says_how_to_do_without_network(
    hub: Path, recipe: Path
) -> None:
    with pytest.raises(UserError, match=r"other/asr: .*no network\); .*`hf download o"):
        resolve(recipe, "--asr_model_file", "other/asr")
    (hub / "meta.yaml").write_text("files: {enh_model_file: x}")
    with pytest.raises(UserError, match=r"names \['enh_model_file'\]; expected asr_tr"):
        resolve(recipe, "--asr_model_file", "someone/asr")


@pytest.mark.parametrize("name", ["exp/lost.pth", "exp/lost.zip", "a/b/c", "lost"])
def test_file_that_is_not_there_is_not_taken_for_a_tag(
    hub: Path, recipe: Path, name: str
) -> None:
    with pytest.raises(UserError, match="no such file; expected trained weights"):
        resolve(recipe, "--asr_model_file", name)
