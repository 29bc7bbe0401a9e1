import numpy as np
import pytest
import soundfile

from corpus import clips as clips_module
from corpus import noise, speech, splits
from corpus.clips import Clip, duration, load_clip
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.names import safe_id
from tests.data.conftest import tone, write_wav
from tests.recipes.debian.conftest import add_asterisk, write_g722


def asterisk_with(tmp_path, lines, lang="en"):
    """Prompts of 2 s with the given 'key: text' lines."""
    sizes = {"en": "en_US_f_Allison"}
    texts, base = add_asterisk(tmp_path, lang, sizes[lang], 9, prompts=())
    text_file = texts.with_suffix("")
    texts.unlink()
    text_file.write_text("\n".join(lines), encoding="utf-8")
    for index, line in enumerate(lines):
        path = base / f"{line.split(':')[0]}.g722"
        write_g722(path, tone(2, 100 + index))
    trees = {tree.name: tree for tree in tmp_path.iterdir()}
    return trees, base


def keys(found):
    return [clip.key for clip in found]


def test_asterisk_leaves_out_what_is_not_speech(tmp_path):
    good = "please say the words"
    lines = [
        f"agent-pass: {good}",
        f"silence/5: {good}",
        f"beeperr: {good}",
        f"ascending-2tone: {good}",
        f"tt-monkeys: {good}",
        "laugh: [somebody laughs loudly]",
        f"horn: (a car) {good}",
        f";comment: {good}",
        "too-short: x",
        f"too-long: {good * 10}",
        "empty:",
        f"dictate/pause: ... {good} [.]",
    ]
    trees, _ = asterisk_with(tmp_path, lines)
    found = speech.asterisk(trees, "en")
    assert keys(found) == ["agent-pass", "dictate/pause"]
    assert found[1].text == good
    assert found[1].id == "asterisk-en-dictate_pause"


def test_identical_recordings_and_empty_files_are_dropped(tmp_path):
    lines = [f"prompt{n}: please say the words" for n in range(3)]
    trees, base = asterisk_with(tmp_path, lines)
    (base / "prompt1.g722").write_bytes((base / "prompt0.g722").read_bytes())
    (base / "prompt2.g722").write_bytes(b"")
    assert keys(speech.asterisk(trees, "en")) == ["prompt0"]


def test_text_without_its_package_gives_nothing(small_trees):
    trees = {k: v for k, v in small_trees.items() if k != "asterisk-core-sounds-fr"}
    assert speech.asterisk(trees, "fr") == []
    assert len(speech.asterisk(small_trees, "fr")) == 30


def test_g722_decodes_to_what_was_encoded(tmp_path):
    time = np.arange(16000) / 16000
    wav = (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    write_g722(tmp_path / "a.g722", wav)
    clip = Clip("a", "s", "en", "", str(tmp_path / "a.g722"), "a")
    decoded = load_clip(clip)
    assert duration(clip) == pytest.approx(1.0)
    best = max(np.corrcoef(wav[:-50], decoded[d : d - 50])[0, 1] for d in range(1, 49))
    assert best > 0.99
    assert np.abs(decoded).max() == pytest.approx(0.3, rel=0.1)


def test_clips_come_as_16_khz_mono_without_offset(tmp_path):
    wav = np.stack([tone(1, 1, 44100), tone(1, 2, 44100)], axis=1) + 0.05
    write_wav(tmp_path / "a.wav", wav, 44100)
    loaded = load_clip(Clip("a", "s", "en", "", str(tmp_path / "a.wav"), "a"))
    assert loaded.shape == (16000,)
    assert abs(float(loaded.mean())) < 1e-6


def test_unreadable_clip_is_a_user_error(tmp_path):
    (tmp_path / "a.ogg").write_bytes(b"nothing of the kind")
    clip = Clip("a", "s", "en", "", str(tmp_path / "a.ogg"), "a")
    assert duration(clip) == 0.0
    with pytest.raises(UserError, match=r"a\.ogg"):
        load_clip(clip)


def test_festvox_keeps_the_order_and_drops_stress_marks(tmp_path):
    base = tmp_path / "usr/share/festival/voices/russian/msu_ru_nsh_clunits"
    for n in (1, 2):
        write_wav(base / f"wav/ru_000{n}.wav", tone(2, n))
    (base / "etc").mkdir()
    (base / "etc/txt.done.data").write_text(
        '( ru_0002 "вол+ос за ухо" )\n( ru_0001 "Он читал книгу" )\n( ru_0003 "нет" )\n'
    )
    found = speech.festvox_ru({"festvox-ru": tmp_path})
    assert [(c.id, c.text) for c in found] == [
        ("festvox-ru-ru_0002", "волос за ухо"),
        ("festvox-ru-ru_0001", "Он читал книгу"),
    ]


@pytest.fixture
def stamps(tmp_path):
    base = tmp_path / "usr/share/tuxpaint/stamps"
    langs = ("fr", "da", "ca", "ru")
    for index, key in enumerate(("food/lemon", "animals/cow", "food/pear")):
        for offset, lang in enumerate(langs):
            path = base / f"{key}_desc_{lang}.ogg"
            write_wav(path, tone(1, 10 * index + offset, 44100), 44100)
        text = "A thing.\n" + "".join(f"{x}.utf8=Une chose {x}\n" for x in langs[:3])
        (base / f"{key}.txt").write_text(text)
    write_wav(base / "food/lemon.ogg", tone(1, 99, 44100), 44100)
    write_wav(base / "symbols/math/1.ogg", tone(1, 98, 44100), 44100)
    return {"tuxpaint-stamps-default": tmp_path}


def test_tuxpaint_takes_one_voice_with_its_texts(stamps):
    assert keys(speech.tuxpaint(stamps, "da")) == [
        "animals/cow",
        "food/lemon",
        "food/pear",
    ]
    assert keys(speech.tuxpaint(stamps, "fr")) == ["food/lemon", "food/pear"]
    assert speech.tuxpaint(stamps, "ca") == []  # spliced recordings
    assert speech.tuxpaint(stamps, "ru") == []  # no texts
    assert speech.tuxpaint(stamps, "da")[0].text == "Une chose da"


def test_tuxpaint_noise_is_neither_speech_nor_symbols(stamps):
    tree = stamps["tuxpaint-stamps-default"]
    assert [c.id for c in noise._tuxpaint(tree)] == ["tuxpaint-lemon"]


def test_klettres_cuts_silence_and_keeps_labels(small_trees):
    found = speech.klettres(small_trees, "da")
    assert [clip.text for clip in found] == [f"A{n}" for n in range(8)]
    assert {clip.speaker for clip in found} == {"klettres-da"}
    assert soundfile.info(found[0].path).duration == pytest.approx(2.7)
    assert duration(found[0]) == pytest.approx(0.8, abs=0.08)


def test_fillets_takes_the_two_leads_only(tmp_path):
    script = tmp_path / "fillets-ng-data/usr/share/games/fillets-ng/script/city"
    sound = tmp_path / "fillets-ng-data-cs/usr/share/games/fillets-ng/sound/city/cs"
    script.mkdir(parents=True)
    fonts = {"a": "font_small", "b": "font_big", "c": "font_statue"}
    (script / "dialogs_cs.lua").write_text(
        "".join(
            f'dialogId("{key}", "{font}", "Hello all.")\n'
            'dialogStr("Vítejte \\"tam\\".")\n'
            for key, font in fonts.items()
        )
    )
    for seed, key in enumerate(fonts):
        write_wav(sound / f"{key}.ogg", tone(1.5, seed, 22050), 22050)
    trees = {tree.name: tree for tree in tmp_path.iterdir()}
    found = speech.fillets(trees, "cs")
    assert [(c.speaker, c.text) for c in found] == [
        ("fillets-cs-small", 'Vítejte "tam".'),
        ("fillets-cs-big", 'Vítejte "tam".'),
    ]


def test_ids_hold_no_separator():
    assert (
        safe_id("asterisk-en", "dictate/both help") == "asterisk-en-dictate_both_help"
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("press 1 or 2", "press one or two"),
        ("call back witheld", "call back withheld"),
        ("3D audio disabled", None),
        ("press # to exit", None),
        ("visit www.asterisk.org now", None),
        ("at 16 hours", None),
    ],
)
def test_english_texts_are_words_as_spoken(text, kept):
    clip = Clip("a", "s", "en", text, "", "a")
    assert [c.text for c in splits.english([clip])] == ([kept] if kept else [])


def fake_clips(monkeypatch, seconds):
    table = {f"c{n}": length for n, length in enumerate(seconds)}
    monkeypatch.setattr(splits, "duration", lambda clip: table[clip.id])
    return [Clip(name, "s", "en", name, "", name) for name in table]


def test_short_prompts_are_joined_to_the_wanted_length(monkeypatch):
    clips = fake_clips(monkeypatch, [1, 1, 1.7, 5, 3, 0.5, 0.4, 0.3])
    joined = splits.join_clips(clips, 4.0)
    groups = [[c.id for c in u.clips] for u in joined]
    # 3 + .5 + .4 + two pauses of .2 reach 4 s; what is left joins them
    assert groups == [["c0", "c1", "c2"], ["c3"], ["c4", "c5", "c6", "c7"]]
    assert joined[0].text == "c0 c1 c2"
    assert joined[0].id == "c0"


def test_silence_is_trimmed_with_a_margin():
    wav = np.zeros(16000, np.float32)
    wav[8000:9600] = tone(0.1, 1)
    trimmed = clips_module.trim_silence(wav)
    assert 1600 + 2 * 400 <= len(trimmed) <= 1600 + 2 * 1200
    assert len(clips_module.trim_silence(np.zeros(100, np.float32))) == 100
