import itertools

import pytest

from corpus import noise, splits
from corpus.clips import Clip
from corpus.packages import PACKAGES, missing_report, packages_for
from corpus.plan import Options, make_plans
from espnet2_ext.errors import UserError


@pytest.fixture(scope="module")
def plans(small_trees):
    return make_plans(small_trees, Options("small"))


def prompt_ids(plan):
    return {clip.key for item in plan.items for clip in item.speech.clips}


def test_no_prompt_id_is_in_both_train_and_valid(plans):
    train, valid = prompt_ids(plans["train"]), prompt_ids(plans["valid"])
    assert train
    assert valid
    assert not train & valid
    langs = {item.speech.lang for item in plans["valid"].items}
    assert langs == {"fr", "it", "ru"}


def test_test_speakers_are_unseen(plans):
    speakers = {
        name: {item.speech.speaker for item in plan.items}
        for name, plan in plans.items()
    }
    assert speakers["test_en"] == {"asterisk-en"}
    assert speakers["test_spk2"] == {"klettres-da"}
    assert not (speakers["train"] | speakers["valid"]) & (
        speakers["test_en"] | speakers["test_spk2"]
    )


def test_the_spanish_voice_of_the_english_woman_is_nowhere(plans):
    assert not any("-es" in package.name for package in PACKAGES)
    assert "es" not in splits.TRAIN_PROMPTS["small"]


def test_pools_share_no_noise_file_no_family_and_no_babble_speaker(small_trees):
    pools = noise.noise_pools(small_trees)
    for first, second in (("train", "valid"), ("train", "test"), ("valid", "test")):
        a, b = pools[first], pools[second]
        for kind in ("ambient", "music"):
            assert a.files[kind]
            families = [{clip.speaker for clip in p.files[kind]} for p in (a, b)]
            assert not families[0] & families[1]
            paths = [{clip.path for clip in p.files[kind]} for p in (a, b)]
            assert not paths[0] & paths[1]
        # "Water1" and "Water2" are takes of one recording
        scenes = [{clip.key[:-1] for clip in p.files["ambient"]} for p in (a, b)]
        assert not scenes[0] & scenes[1]
        assert len(a.voices) >= noise.MIN_VOICES
        assert not a.voices.keys() & b.voices.keys()


def test_babble_speakers_are_never_targets(small_trees, plans):
    targets = {item.speech.speaker for plan in plans.values() for item in plan.items}
    langs = [lang for group in noise.BABBLE_LANGS.values() for lang in group]
    assert len(langs) == len(set(langs))
    # a volunteer may have recorded one language for two packages
    target_langs = {"fr", "it", "ru", "be", "ro", "da", "en", "en_GB"}
    assert not target_langs & set(langs)
    for pool in noise.noise_pools(small_trees).values():
        assert not targets & pool.voices.keys()


def test_takes_of_one_scene_and_copies_go_together():
    def clip(name, family, tmp="x"):
        return Clip(name, family, "", "", tmp, name)

    families = [f"scene{n}" for n in range(12)]
    where = noise.split_families(families)
    assert set(where.values()) == set(noise.POOLS)
    # one more recording moves no other
    more = noise.split_families([*families, "another"])
    assert {family: more[family] for family in families} == where
    assert noise.split_families(["a", "b"]) == {}


def test_a_copy_joins_the_family_of_the_first(tmp_path):
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2"), ("d", b"3")):
        (tmp_path / name).write_bytes(content)
    clips = [
        Clip(name, family, "", "", str(tmp_path / name), name)
        for name, family in (("a", "Coal"), ("b", "Tip"), ("c", "Tip"), ("d", "Mill"))
    ]
    joined = noise.join_families(clips)
    assert [(c.id, c.speaker) for c in joined] == [
        ("a", "Coal"),
        ("c", "Coal"),
        ("d", "Mill"),
    ]


def test_five_pieces_of_music_reach_all_pools():
    for start in range(20):
        names = [f"piece{start}-{n}" for n in range(5)]
        assert set(noise.split_families(names).values()) == set(noise.POOLS)


def test_every_noise_type_meets_every_test_snr_equally_often(plans):
    items = plans["test_en"].items
    counts: dict[tuple[str, int], int] = {}
    for item in items:
        key = (item.noise_type, item.snr)
        counts[key] = counts.get(key, 0) + 1
    assert set(counts) == {
        (kind, snr) for kind in ("ambient", "babble", "music") for snr in (0, 5, 10)
    }
    assert max(counts.values()) - min(counts.values()) <= 1


def test_the_outside_set_is_of_voices_and_noise_that_nothing_else_has(
    small_trees, plans
):
    plan = plans["test_out"]
    others = [other for name, other in plans.items() if name != "test_out"]
    voices = {item.speech.speaker for item in plan.items}
    assert voices == {"pocketsphinx-cards", "pocketsphinx-librivox"}
    assert not voices & {i.speech.speaker for other in others for i in other.items}
    noise_ids = {c.id for files in plan.pool.files.values() for c in files}
    pools = [other.pool for other in others]
    heard = {c.id for pool in pools for files in pool.files.values() for c in files}
    assert noise_ids
    assert not noise_ids & heard
    assert {item.speech.text for item in plan.items} == {
        "ten of cards",
        "ten of librivox",
    }


def test_every_clip_of_the_outside_set_meets_every_noise_type(plans):
    met: dict[str, set[str]] = {}
    for item in plans["test_out"].items:
        met.setdefault(item.speech.id, set()).add(item.noise_type)
    assert len(met) == 4
    assert all(kinds == {"beats", "typing"} for kinds in met.values())
    ids = [item.id for item in plans["test_out"].items]
    assert len(set(ids)) == len(ids) == 8


def test_smaller_sets_are_parts_of_larger_ones(small_trees, plans):
    few = make_plans(small_trees, Options("small", max_train_utts=5, max_test_utts=3))
    assert len(few["train"].items) == 5
    assert len(few["test_out"].items) == 6  # three clips, two noise types
    assert [len(few[n].items) for n in ("valid", "test_en", "test_spk2")] == [3, 3, 2]
    more = make_plans(small_trees, Options("small", max_train_utts=9, max_test_utts=5))
    for name, plan in few.items():
        for larger in (more, plans):
            ids = {item.id for item in larger[name].items}
            assert {item.id for item in plan.items} <= ids


def test_copies_have_their_own_ids_and_other_noise(small_trees, plans):
    twice = make_plans(small_trees, Options("small", train_copies=2))
    ids = [item.id for item in twice["train"].items]
    assert len(ids) == len(set(ids)) == 2 * len(plans["train"].items)
    pairs = zip(twice["train"].items[::2], twice["train"].items[1::2], strict=True)
    for first, second in pairs:
        assert first.speech == second.speech
        assert first.seed != second.seed
    assert len(twice["valid"].items) == len(plans["valid"].items)


def test_seed_changes_the_plan_and_a_moved_folder_does_not(small_root, plans, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.symlink_to(small_root)
    trees = {tree.name: tree for tree in sorted(moved.iterdir())}
    again = make_plans(trees, Options("small"))
    other = make_plans(trees, Options("small", seed=1))
    for name, plan in plans.items():
        assert again[name].digest({}) == plan.digest({})
        assert other[name].digest({}) != plan.digest({})


def test_without_babble_packages_only_ambient_and_music(small_trees):
    tiny = {k: v for k, v in small_trees.items() if "klettres" not in k}
    plans = make_plans(tiny, Options("tiny"))
    inside = [plan for name, plan in plans.items() if name != "test_out"]
    assert {i.noise_type for p in inside for i in p.items} == {"ambient", "music"}
    assert {i.speech.speaker for i in plans["test_spk2"].items} == {"asterisk-fr"}
    assert {i.speech.speaker for i in plans["train"].items} == {"asterisk-it"}


def test_lost_test_set_is_a_user_error_naming_it(small_trees):
    trees = {k: v for k, v in small_trees.items() if k != "asterisk-core-sounds-en"}
    with pytest.raises(UserError, match="no speech for test_en"):
        make_plans(trees, Options("small"))


def test_without_one_noise_package_the_outside_set_has_the_other(small_trees):
    trees = {k: v for k, v in small_trees.items() if k != "sonic-pi-samples"}
    items = make_plans(trees, Options("small"))["test_out"].items
    assert {item.noise_type for item in items} == {"typing"}
    trees.pop("bucklespring-data")
    with pytest.raises(UserError, match=r"no noise for test_out.*bucklespring-data"):
        make_plans(trees, Options("small"))


def test_lost_training_language_is_done_without(small_trees):
    trees = {
        k: v for k, v in small_trees.items() if k != "asterisk-core-sounds-ru-g722"
    }
    plans = make_plans(trees, Options("small"))
    assert {item.speech.lang for item in plans["train"].items} == {"fr", "it"}


def test_no_noise_at_all_is_a_user_error(small_trees):
    noise_packages = ("lincity", "moh", "klettres")
    trees = {
        k: v for k, v in small_trees.items() if not any(n in k for n in noise_packages)
    }
    with pytest.raises(UserError, match="no noise"):
        make_plans(trees, Options("tiny"))


def test_each_size_contains_the_smaller_one_and_unknown_ones_are_refused():
    sizes = [
        {p.name for p in packages_for(s)} for s in ("tiny", "small", "core", "extended")
    ]
    assert all(a < b for a, b in itertools.pairwise(sizes))
    with pytest.raises(UserError, match="Did you mean 'small'"):
        packages_for("smal")


def test_every_package_says_what_is_lost_without_it():
    lines = missing_report({package.name for package in PACKAGES})
    assert len(lines) == len(PACKAGES)
    assert all(line.split(": ", 1)[1] for line in lines)


@pytest.mark.parametrize(
    "wrong",
    [{"rir_prob": 1.5}, {"train_copies": 0}, {"max_train_utts": -1}, {"seed": -1}],
)
def test_impossible_options_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        Options(**wrong)
