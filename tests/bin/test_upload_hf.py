"""A packed system goes to a hub with its card; a stand-in of the client takes it."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

from espnet2_ext.bin import upload_hf
from espnet2_ext.errors import UserError

CONFIG = {
    "encoder": "conv",
    "separator": "tcn",
    "decoder": "conv",
    "criterions": [
        {"name": "snr", "conf": {}, "wrapper_conf": {"weight": 1.0}},
        {"name": "ssl", "conf": {"upstream": "hubert"}, "wrapper_conf": {"weight": 10}},
    ],
}


class Hub:
    """Keeps what is uploaded in a directory, as HfApi does in a repository."""

    root: Path
    refuses: str = ""

    def create_repo(self, repo, private, exist_ok):
        assert exist_ok
        (self.root / repo).mkdir(parents=True, exist_ok=True)

    def upload_folder(self, repo_id, folder_path, commit_message):
        if self.refuses:
            raise PermissionError(self.refuses)
        shutil.copytree(folder_path, self.root / repo_id, dirs_exist_ok=True)
        return f"https://hub.invalid/{repo_id}"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(Hub, "root", tmp_path / "hub", raising=False)
    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    return tmp_path / "hub"


@pytest.fixture
def words(tmp_path):
    """The command line for a packed system."""
    exp = tmp_path / "exp"
    exp.mkdir()
    (exp / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "RESULTS.md").write_text("| system | SI-SNR |\n| noisy | 5.00 |\n")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("meta.yaml", "files: {model_file: exp/model.pth}\n")
        archive.writestr("exp/model.pth", b"weights")
    words = {
        **{"zip": tmp_path / "x.zip", "exp_dir": exp, "hf_repo": "me/model"},
        **{"sets": "train of corpus", "results": tmp_path / "RESULTS.md"},
    }
    return [str(word) for key, value in words.items() for word in (f"--{key}", value)]


def test_the_repository_holds_what_espnet_unpacks_and_a_card(hub, words, capsys):
    upload_hf.main(words)
    repo = hub / "me/model"
    assert (repo / "exp/model.pth").read_bytes() == b"weights"
    assert "model_file" in (repo / "meta.yaml").read_text()
    _, header, text = (repo / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(header)["library_name"] == "espnet"
    assert "- Trained on: train of corpus" in text
    assert "- Loss: 1 x snr + 10 x ssl (hubert)" in text
    assert "- Network: encoder conv, separator tcn, decoder conv" in text
    assert 'SeparateSpeech.from_pretrained("me/model")' in text
    assert "| noisy | 5.00 |" in text
    assert capsys.readouterr().out == "https://hub.invalid/me/model\n"


def test_the_code_of_the_card_is_python(hub, words):
    upload_hf.main(words)
    code = (hub / "me/model/README.md").read_text().split("```python\n")[1]
    compile(code.split("```")[0], "card", "exec")


@pytest.mark.parametrize("content", [None, b"no zip", b""])
def test_an_archive_that_is_none_is_refused_and_nothing_is_uploaded(
    hub, words, tmp_path, content
):
    (tmp_path / "x.zip").unlink()
    if content is not None:
        (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"x.zip: cannot be unpacked .* run stage 11"):
        upload_hf.main(words)
    assert not hub.exists()


def test_a_hub_that_refuses_is_one_message(hub, words, monkeypatch):
    monkeypatch.setattr(Hub, "refuses", "403 Forbidden\nmore")
    with pytest.raises(UserError) as caught:
        upload_hf.main(words)
    text = str(caught.value)
    assert "--hf_repo me/model" in text
    assert "403 Forbidden" in text
    assert "hf auth login" in text
    assert len(text.splitlines()) == 1
