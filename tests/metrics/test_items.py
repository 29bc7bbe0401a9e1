from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.metrics.items import ScoredItem, pair_items, read_english


@pytest.fixture
def lists(tmp_path: Path) -> dict[str, str]:
    """Two utterances in other order in each list, one of them in English."""
    content = {
        "ref": "a ref/a.wav\nb ref/b.wav\n",
        "inf": "b inf/b.wav\na inf/a.wav\n",
        "text": "b zwei\na one two\n",
        "utt2lang": "a en\nb de\n",
    }
    for name, lines in content.items():
        (tmp_path / name).write_text(lines)
    return {name: str(tmp_path / name) for name in content}


def test_lists_are_paired_by_id_and_only_english_has_a_text(lists):
    assert pair_items(lists["ref"], lists["inf"], text=lists["text"]) == [
        ScoredItem(utt="a", est="inf/a.wav", ref="ref/a.wav", text="one two"),
        ScoredItem(utt="b", est="inf/b.wav", ref="ref/b.wav", text=None),
    ]


def test_all_texts_are_english_where_no_list_of_languages_is(lists):
    Path(lists["utt2lang"]).rename(Path(lists["utt2lang"]).with_name("other"))
    assert read_english(lists["text"]) == {"a": "one two", "b": "zwei"}


def test_ids_missing_in_several_lists_are_named_at_once(lists):
    with Path(lists["ref"]).open("a") as stream:
        stream.write("c ref/c.wav\n")
    with pytest.raises(UserError) as found:
        pair_items(lists["ref"], lists["inf"], text=lists["text"])
    message = str(found.value)
    assert f"{lists['inf']} lacks c" in message
    assert f"{lists['text']} lacks c" in message
