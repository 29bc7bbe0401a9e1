r"""Upload a packed system to a model hub, with a card; plain ESPnet loads it there.

    python -m espnet2_ext.bin.upload_hf --zip exp/enh_x/enh_x_valid.loss.best.zip \
        --exp_dir exp/enh_x --hf_repo USER/NAME --sets "train, valid" --results TABLE.md

The account is that of `hf auth login`, or of HF_TOKEN.
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import espnet2_ext
from espnet2_ext.enh.card import write_card
from espnet2_ext.errors import UserError, reason_of, run_main
from espnet2_ext.fileio.yaml import read_yaml


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--zip", type=Path, required=True, help="archive of stage 11")
    add("--exp_dir", type=Path, required=True, help="of the training, for the card")
    add("--hf_repo", required=True, help="USER/NAME")
    add("--sets", required=True, help="what it was trained on, for the card")
    add("--results", type=Path, help="Markdown, for the card")
    add("--private", action="store_true", help="if the repository is made")
    return parser


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive of ``espnet2.bin.pack``; the hub's layout is the same.

    Raises:
        UserError: if it is missing or no such archive.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            if "meta.yaml" not in packed.namelist():
                raise zipfile.BadZipFile("it has no meta.yaml")
            packed.extractall(folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{archive}: cannot be unpacked ({error}); expected an archive of ESPnet; "
            "run stage 11 (--skip_packing false)."
        ) from error


def upload(folder: Path, repo: str, private: bool) -> str:
    """Upload a folder; the repository is made if there is none.

    Returns:
        The address of the commit.

    Raises:
        UserError: if the hub refuses, or cannot be reached.
    """
    import huggingface_hub

    try:
        hub = huggingface_hub.HfApi()
        hub.create_repo(repo, private=private, exist_ok=True)
        return str(
            hub.upload_folder(
                repo_id=repo, folder_path=folder, commit_message="Upload the system"
            )
        )
    except Exception as error:  # of the client, of its network library, of both
        raise UserError(
            f"--hf_repo {repo}: cannot be uploaded to ({type(error).__name__}: "
            f"{reason_of(error)}); expected a repository that you may write to; log in "
            "with `hf auth login`, or set HF_TOKEN."
        ) from error


def main(argv: Sequence[str] | None = None) -> None:
    """Unpack, add the card, upload."""
    args = get_parser().parse_args(argv)
    results = ""
    if args.results is not None and args.results.is_file():
        results = args.results.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(args.zip, folder)
        card = write_card(
            args.hf_repo,
            read_yaml(args.exp_dir / "config.yaml"),
            args.sets,
            results,
            f"espnet2_ext {espnet2_ext.__version__}",
        )
        (folder / "README.md").write_text(card, encoding="utf-8")
        print(upload(folder, args.hf_repo, args.private))


if __name__ == "__main__":
    run_main(main)
