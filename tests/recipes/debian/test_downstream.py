import os
import re
import shutil
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from corpus import russian, speech, splits
from corpus.clips import Clip, content_hash, duration
from corpus.downstream import sources, speakers, words
from corpus.downstream.items import Row, alone, joined, person, take
from corpus.downstream.roles import (
    ROLES,
    divide_festvox,
    prompt_role,
)
from corpus.downstream.tasks import TASKS, find_tasks
from corpus.fetch import fetch_packages
from corpus.noise import BABBLE_LANGS, noise_pools
from corpus.packages import (
    SIZES,
    downstream_packages,
    missing_report,
    packages_for,
)
from espnet2_ext.errors import UserError

LABEL = {"pr": "transcription", "asr": "transcription", "ic": "labels"}


@pytest.fixture(scope="module")
def trees(downstream_root):
    return {tree.name: tree for tree in sorted(downstream_root.iterdir())}


@pytest.fixture(scope="module")
def found(trees):
    return find_tasks(trees, "full")


def utterances(rows):
    return [utterance for row in rows for utterance in row.speech]


def paths(rows):
    return {clip.path for u in utterances(rows) for clip in u.clips}


def check_apart(found):
    """Clips, prompt ids and held-out voices; used on real packages too."""
    for splits_ in found.values():
        for one, other in combinations(ROLES, 2):
            assert not paths(splits_[one]) & paths(splits_[other])
    for name in ("ic", "asr", "sid"):
        keys = [
            {
                clip.key
                for u in utterances(found[name][role])
                for clip in u.clips
                if clip.speaker.startswith("asterisk")
            }
            for role in ROLES
        ]
        assert keys[0]
        assert keys[2]
        for one, other in combinations(keys, 2):
            assert not one & other
    train = {person(u) for u in utterances(found["asv"]["train"])}
    test = {person(u) for u in utterances(found["asv"]["test"])}
    assert train
    assert test
    assert not train & test
    voices = [{u.speaker for u in utterances(found["ks"][role])} for role in ROLES]
    for one, other in combinations(voices, 2):
        assert not one & other


def check_unheard(trees, found):
    """No test recording is in enhancement's training, as speech or as noise."""
    heard = {
        clip.path for pool in [noise_pools(trees)["train"]] for clip in all_of(pool)
    }
    for size in SIZES:
        train, _ = splits._train_and_valid(trees, size)
        heard |= {clip.path for clip in train}
    assert len(heard) > 100
    for splits_ in found.values():
        assert not paths(splits_["test"]) & heard
    babble = {lang for langs in BABBLE_LANGS.values() for lang in langs}
    for name in {"sid", "asv", "lid"} & set(found):
        for u in utterances(found[name]["test"]):
            volunteer = not u.speaker.startswith(("asterisk", "festvox"))
            assert not (volunteer and u.lang in babble)


def all_of(pool):
    groups = [*pool.files.values(), *pool.voices.values()]
    return [clip for clips in groups for clip in clips]


def test_splits_share_no_clip_no_prompt_id_and_no_held_out_voice(found):
    check_apart(found)


def test_tests_are_unheard_by_every_enhancement_training(trees, found):
    check_unheard(trees, found)


def test_every_test_label_is_in_training(found):
    for name, splits_ in found.items():
        if name in ("asr", "pr", "asv"):
            continue
        label = LABEL.get(name, "label")
        known = {row.values[label] for row in splits_["train"]}
        for role in ("valid", "test"):
            assert {row.values[label] for row in splits_[role]} <= known, name


def test_a_volunteers_language_is_on_one_side_of_verification_only():
    held_out = {lang for _, lang in speakers.HELD_OUT} | {"nb"}  # nn is Norwegian too
    trained = {lang for _, lang in speakers.ASV_TRAIN}
    assert not held_out & trained
    assert len(held_out) - 1 == len(speakers.HELD_OUT)
    assert len(trained) == len(speakers.ASV_TRAIN)


def test_demo_is_a_part_of_full(trees, found):
    demo = find_tasks(trees, "demo")
    for task in TASKS:
        for role in ROLES:
            if task.demo is None:
                continue  # its name stands for another task there
            if (task.name, role) == ("asv", "test"):
                # both sizes are limited: trials among fewer utterances
                ids = {u.id for u in utterances(demo["asv"]["test"])}
                assert ids <= {u.id for u in utterances(found["asv"]["test"])}
                continue
            some = {row.id for row in demo[task.name][role]}
            assert some <= {row.id for row in found[task.name][role]}
    assert len(demo["pr"]["train"]) == 180
    assert len(found["pr"]["train"]) == 540
    assert [len(found["pr"][role]) for role in ROLES] == [540, 40, 40]


def test_two_runs_find_the_same(trees, found):
    assert find_tasks(trees, "full") == found


def test_phones_are_read_without_pauses(tmp_path):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/ru_0001.lab").write_text(
        "separator ;\n#\n0.3 125 pau\n0.4 125 k\n0.5 125 ay\n0.6 125 pau\n0.7 125 rr\n"
    )
    clip = Clip("i", "s", "ru", "", str(tmp_path / "wav/ru_0001.wav"), "ru_0001")
    assert sources.phone_labels(clip) == ["k", "ay", "rr"]
    (tmp_path / "lab/ru_0001.lab").write_text("#\n0.3 125 pau\n")
    with pytest.raises(UserError, match=r"ru_0001\.lab: no phone labels"):
        sources.phone_labels(clip)
    (tmp_path / "lab/ru_0001.lab").unlink()
    with pytest.raises(UserError, match=r"festvox-ru.*Unpack it again"):
        sources.phone_labels(clip)


def test_recordings_below_16_khz_are_left_out(trees):
    assert len(sources.ktuberling(trees, "fr")) == 32  # not old.wav
    assert sources.tuxpaint_symbols(trees, "el") == []
    french = sources.tuxpaint_symbols(trees, "fr")
    assert [clip.text for clip in french] == list("0123456789")  # not 3_desc_fr
    assert sources.ktuberling(trees, "sr@latin") == []


def test_symbols_are_named_by_the_file_whatever_its_case(trees, tmp_path):
    tree = tmp_path / "t"
    source = trees["asterisk-core-sounds-it-g722"]
    shutil.copytree(source, tree)
    letters = next(tree.glob("**/letters"))
    (letters / "o.g722").rename(letters / "O.g722")
    (letters / "q.g722").unlink()
    shutil.copy(letters / "p.g722", letters / "at.g722")
    found = sources.asterisk_symbols({source.name: tree}, "it")
    assert sorted(c.text for c in found) == sorted(
        "0123456789abcdefghijklmnoprstuvwxyz"
    )


def test_letters_with_foreign_namesakes_come_from_english_voices(found):
    for role in ROLES:
        for row in found["ks"][role]:
            (clip,) = row.speech[0].clips
            if row.values["label"] in "aegij":
                assert clip.lang in ("en", "en_GB", "ru")
    ids = {row.id for role in ROLES for row in found["ks"][role]}
    assert "asterisk-es-digits_1-symbol" in ids
    assert "asterisk-es-digits_0-symbol" not in ids


def test_prompt_family_comes_from_the_first_part_of_the_id():
    family = words.prompt_family
    assert family("vm-intro") == "voicemail"
    assert family("conf-adminmenu") == family("confbridge-join") == "conference"
    assert family("phonetic/a_p") == "phonetic"
    assert family("confirmed") == family("agent-pass") == family("spy-sip") == ""


def test_test_prompts_are_those_that_enhancement_validates_on():
    for n in range(200):
        key = f"vm-{n}"
        assert (prompt_role(key) == "test") == splits.is_valid_prompt(key)


def test_festvox_test_is_what_enhancement_never_uses():
    parts = divide_festvox(range(620))
    assert parts["train"] == list(range(540))
    assert parts["test"] == list(range(540, 580))
    assert parts["valid"] == list(range(580, 620))


def test_one_woman_in_two_languages_is_a_target_pair():
    def voice(speaker, lang, name):
        return alone(Clip(name, speaker, lang, "", f"/{name}", name))

    en, es = voice("asterisk-en", "en", "a"), voice("asterisk-es", "es", "b")
    other, ru = voice("ktuberling-en", "en", "c"), voice("ktuberling-ru", "ru", "d")
    festvox = voice("festvox-ru", "ru", "e")
    rows = speakers.trials([en, es, other, ru, festvox])
    labels = {row.id: row.values["label"] for row in rows}
    assert labels["a b"] == "1"
    assert labels["a c"] == "0"  # she is no volunteer
    assert "d e" not in labels  # one language, who knows
    assert len(labels) == 9


def test_a_joined_utterance_has_an_id_of_its_own(trees):
    (first, *_) = made = joined(speech.klettres(trees, "it"))
    assert first.id == f"{first.clips[0].id}-x{len(first.clips)}"
    assert all(len({clip.speaker for clip in u.clips}) == 1 for u in made)
    clips = [clip for u in made for clip in u.clips]
    assert len(clips) == len(set(clips)) == 26


def test_fewer_rows_are_a_part_of_more_rows_in_each_stratum():
    rows = [
        Row((alone(Clip(f"u{n}", "s", "en", "", "", "")),), {}, "ab"[n % 2])
        for n in range(20)
    ]
    three, five = take(rows, 3), take(rows, 5)
    assert Counter(row.stratum for row in three) == {"a": 3, "b": 3}
    assert {row.id for row in three} < {row.id for row in five}
    assert [row.id for row in five] == sorted(row.id for row in five)
    assert len(take(rows, 0)) == 20


@pytest.mark.parametrize(
    ("text", "words_"),
    [
        ("Серо-карие, глаза — с искоркой!", "серо карие глаза с искоркой"),
        ("Ещё «раз»: л'Аббеи.", "еще раз лаббеи"),
        ("Нажмите 1", ""),
        ("Тукс — талисман Linux!", ""),
        ("<beep>", ""),
        ("...", ""),
    ],
)
def test_russian_text_is_letters_and_spaces_or_nothing(text, words_):
    assert russian.normalise(text) == words_


def test_russian_sentences_are_three_lists_of_single_clips(trees):
    train, valid, test = russian.russian_sentences(trees)
    count = [Counter(u.speaker for u in part) for part in (train, valid, test)]
    assert count[0]["festvox-ru"] == 540
    assert count[0]["tuxpaint-ru"] == 12
    assert count[1].keys() == count[2].keys() == {"festvox-ru", "asterisk-ru"}
    for u in (*train, *valid, *test):
        assert len(u.clips) == 1
        assert re.fullmatch("[а-я]+( [а-я]+)*", u.text)
    with pytest.raises(UserError, match="festvox-ru and asterisk-core-sounds-ru"):
        russian.russian_sentences({})


def test_missing_packages_are_named_and_so_are_lost_tasks(trees):
    lines = missing_report({"ktuberling-data", "asterisk-core-sounds-es-g722"})
    assert any("ktuberling-data is not available" in line for line in lines)
    assert any("asterisk-core-sounds-es-g722" in line for line in lines)
    assert set(packages_for("core")) < set(downstream_packages("demo"))
    assert downstream_packages("quick") == packages_for("small")
    without = {k: v for k, v in trees.items() if k != "festvox-ru"}
    with pytest.raises(UserError, match="pr: train, pr: valid, pr: test; expected"):
        find_tasks(without, "demo")
    fewer = {k: v for k, v in trees.items() if k != "ktuberling-data"}
    kept = find_tasks(fewer, "demo")
    assert kept["asv"]["test"]
    with pytest.raises(UserError, match=r"--superb_size 'dmo'.*'demo'"):
        find_tasks(trees, "dmo")


def test_quick_tasks_need_the_packages_of_the_small_corpus_alone(trees):
    small = {package.name for package in packages_for("small")}
    found = find_tasks({k: v for k, v in trees.items() if k in small}, "quick")
    assert set(found) == {"pr", "sid", "ks"}
    assert {row.speech[0].lang for row in found["pr"]["test"]} == {"it"}
    for splits_ in found.values():
        assert all(splits_[role] for role in ROLES)
    check_unheard(trees, found)


@pytest.fixture(scope="module")
def real_trees(tmp_path_factory):
    """The real packages (550 MB), from the folder that DEBIAN_SPEECH names if any."""
    if shutil.which("apt-get") is None:
        pytest.skip("no apt-get: the corpus is made of Debian packages")
    folder = os.environ.get("DEBIAN_SPEECH") or tmp_path_factory.mktemp("downloads")
    try:
        return fetch_packages(
            downstream_packages("full"), Path(folder), lambda line: None
        )
    except UserError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(f"the Debian packages cannot be downloaded here: {error}")


@pytest.fixture(scope="module")
def real(real_trees):
    return find_tasks(real_trees, "full")


# Read by a person in the packages' own files.
HAND_CHECKED = [
    ("ic", "asterisk-en-vm-rec-name", "voicemail"),
    ("ic", "asterisk-ru-phonetic_h_p", "phonetic"),
    ("ks", "asterisk-en-digits_7-symbol", "7"),
    ("ks", "asterisk-en-letters_w-symbol", "w"),
    ("ks", "tuxpaint-it-symbol_4", "4"),
    ("sid", "asterisk-en-vm-rec-name", "allison-smith"),
    ("lid", "asterisk-en-conf-now-unmuted", "en"),
    (
        "asr",
        "asterisk-ru-agent-user",
        "регистрация оператора введите номер оператора и",
    ),
    ("asr", "festvox-ru-ru_0001", "корреспондент американской газеты арчибальд скайлс"),
    (
        "pr",
        "festvox-ru-ru_0001",
        "k ay rr ae s p a n dd ee n t a mm ae rr i k aa n s k",
    ),
]


@pytest.mark.slow
@pytest.mark.network
def test_real_packages_give_the_labels_a_person_reads_there(real):
    for name, id_, label in HAND_CHECKED:
        rows = {row.id: row for role in ROLES for row in real[name][role]}
        value = rows[id_].values[LABEL.get(name, "label")]
        assert value.startswith(label) if " " in label else value == label, id_


@pytest.mark.slow
@pytest.mark.network
def test_real_packages_keep_training_and_tests_apart(real_trees, real):
    check_apart(real)
    check_unheard(real_trees, real)
    for splits_ in real.values():  # no recording under two names either
        clips = {
            role: {
                content_hash(clip)
                for u in {u.id: u for u in utterances(splits_[role])}.values()
                for clip in u.clips
            }
            for role in ROLES
        }
        for one, other in combinations(ROLES, 2):
            assert not clips[one] & clips[other]


@pytest.mark.slow
@pytest.mark.network
def test_real_packages_give_what_the_documentation_says(real):
    page = Path(__file__).resolve().parents[2]
    page = page / "egs2/debian_speech/enh_ssl1/DOWNSTREAM.md"
    table = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) > 4 and cells[0] in real:
            table[cells[0]] = cells
    assert table.keys() == real.keys()
    for name, cells in table.items():
        counts = [len(real[name][role]) for role in ROLES]
        said = [
            int(re.search(r"/ ([\d ]+)", cell)[1].replace(" ", ""))
            for cell in cells[2:5]
        ]
        assert said == counts, name
    phones = {
        p for row in real["pr"]["train"] for p in row.values["transcription"].split()
    }
    assert len(phones) == 50
    assert all(duration(u.clips[0]) > 0.1 for u in utterances(real["ks"]["test"]))
