from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from espnet2_ext.bin.report import main
from espnet2_ext.errors import UserError
from tests.report.conftest import Corpus


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


class Sources(HTMLParser):
    """Collects every address and every tag of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "srcset")]


def test_page_is_self_contained(corpus: Corpus) -> None:
    main([*corpus.arguments, "--num_examples", "1"])
    page = (corpus.root / "out" / "report.html").read_text()
    sources = Sources()
    sources.feed(page)
    assert sources.tags.count("audio") == 4
    assert sources.tags.count("img") == 4 + 2  # spectrograms, loss and ssl_loss
    assert all(
        a.startswith(("data:image/png", "data:audio/flac")) for a in sources.addresses
    )
    assert not {"script", "link", "iframe"} & set(sources.tags)
    assert "url(" not in page
    assert "a | b &amp; &lt;c&gt;" in page  # text is escaped


def test_markdown_holds_every_table_and_the_command_once(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*corpus.arguments, "--baseline", "SE-SNR+SSL", "--num_examples", "0"]
    main(arguments)
    text = (corpus.root / "out" / "RESULTS.md").read_text()
    titles = re.findall(r"^### (.*)$", text, re.MULTILINE)
    assert titles == [
        "Summary",
        "Claims, and their price",
        "test_en: all utterances",
        "test_en: by input SNR",
        "test_en: differences",
    ]
    assert text.count("--baseline SE-SNR+SSL --num_examples 0") == 1
    assert "SE-SNR − SE-SNR+SSL" in text
    assert re.search(r"- versions: .*torch \d", text)
    printed = capsys.readouterr().out
    assert "| SE-SNR+SSL" in printed
    assert str(corpus.root / "out" / "report.html") in printed


def test_same_scores_give_the_same_tables(corpus: Corpus) -> None:
    main([*corpus.arguments, "--num_examples", "0"])
    path = corpus.root / "out" / "RESULTS.md"
    first = path.read_text()
    main([*corpus.arguments, "--num_examples", "0"])
    dateless = re.compile(r"- date: .*")
    assert dateless.sub("", first) == dateless.sub("", path.read_text())


def test_missing_scores_name_the_file_and_the_stage(corpus: Corpus) -> None:
    path = corpus.exp("b", 1) / "enhanced_test_en" / "scoring" / "scores.jsonl"
    path.unlink()
    with pytest.raises(UserError, match=rf"{path}: no such file; run stage 8"):
        main(corpus.arguments)
    assert not (corpus.root / "out").exists()


def test_unknown_baseline_names_the_closest(corpus: Corpus) -> None:
    with pytest.raises(UserError, match="Did you mean 'SE-SNR'"):
        main([*corpus.arguments, "--baseline", "SESNR"])
