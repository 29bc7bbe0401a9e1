"""Which upstreams are related: the same model, or one family."""

import pytest

from espnet2_ext.ssl.loading import FAMILIES as OF_S3PRL
from espnet2_ext.ssl.loading import HUB_ENTRIES, s3prl_hub
from espnet2_ext.ssl.relation import ESPNET_ASR, Upstream, families, relation

SAME, FAMILY, NONE = "same", "family", ""


@pytest.mark.parametrize(
    ("judge", "loss", "expected"),
    [
        ("whisper_tiny_en", "whisper_tiny_en", SAME),
        ("whisper_tiny_en", "whisper_local", FAMILY),
        ("hubert_base", "hubert_base", SAME),
        ("hubert_base", "hubert_large_ll60k", FAMILY),
        ("hubert_base", "hubert_debian_small", FAMILY),
        ("hubert_base", "hubert_local", FAMILY),
        ("hubert_base", "distilhubert", FAMILY),
        ("hf_hubert_custom", "hubert_base", FAMILY),
        ("espnet_hubert_base_iter1", "hubert_base", FAMILY),
        ("wavlm_base", "wavlm_base_plus", FAMILY),
        ("wavlm_large", "wavlm_url", FAMILY),
        ("wav2vec2_base_960", "xls_r_300m", FAMILY),
        ("xlsr_53", "wav2vec2_local", FAMILY),
        ("data2vec", "data2vec_large_ll60k", FAMILY),
        ("fbank", "fbank", SAME),
        ("fbank", "mfcc", FAMILY),
        ("fbank", "whisper_tiny_en", NONE),
        ("wavlm_base", "hubert_base", NONE),
        ("wav2vec", "wav2vec2", NONE),
        ("wav2vec2", "wavlm_base", NONE),
        ("wavlablm_mk_40k", "wavlm_base", FAMILY),
        ("wavlablm_mk_40k", "hubert_base", FAMILY),
        ("unispeech_sat_base", "wavlm_base", NONE),
        ("mos_wav2vec2", "wav2vec2", FAMILY),
        ("tera", "mockingjay", NONE),
    ],
)
def test_relation_of_two_names_is_the_same_both_ways(judge, loss, expected):
    one, other = Upstream(judge), Upstream(loss)
    assert relation([one], [other]) == expected
    assert relation([other], [one]) == expected


def test_every_upstream_is_of_the_family_of_its_package():
    hub = s3prl_hub()
    by_package = {}
    for name in hub.options():
        package = getattr(hub, name).__module__.split(".")[-2:][0]
        if package in OF_S3PRL and not name.startswith("load_"):
            by_package.setdefault(package, []).append(name)
    assert set(by_package) == set(OF_S3PRL)
    for package, names in by_package.items():
        for name in names:
            assert families(package) <= families(name), (package, name)
    for name in HUB_ENTRIES:
        own = "espnet_asr" if name == ESPNET_ASR else name.split("_")[0]
        assert families(name) == {own}


def test_a_checkpoint_is_known_by_place_and_by_content(tmp_path):
    first, copy, other = (tmp_path / name for name in ("a.pt", "b.pt", "c.pt"))
    first.write_bytes(b"weights")
    copy.write_bytes(b"weights")
    other.write_bytes(b"others")
    (tmp_path / "link.pt").symlink_to(first)
    mine = Upstream("hubert_local", str(first))
    for path, expected in (
        (first, SAME),
        (tmp_path / "link.pt", SAME),
        (copy, SAME),
        (other, FAMILY),
        (tmp_path / "gone.pt", FAMILY),
    ):
        assert relation([mine], [Upstream("hubert_local", str(path))]) == expected
        # under another name the file is what it is
        assert relation([mine], [Upstream("custom", str(path))]) in (expected, NONE)
    assert relation([mine], [Upstream("custom", str(copy))]) == SAME
    assert relation([mine], [Upstream("custom", str(other))]) == NONE


def test_a_stored_digest_stands_for_the_file(tmp_path):
    from espnet2_ext.fileio.digest import hash_file

    path = tmp_path / "a.pt"
    path.write_bytes(b"weights")
    stored = Upstream("custom_local", None, hash_file(str(path)))
    assert relation([stored], [Upstream("other_local", str(path))]) == SAME
    path.write_bytes(b"others")
    assert relation([stored], [Upstream("else_local", str(tmp_path / "no"))]) == NONE


def test_addresses_are_compared_as_they_are():
    url = "https://somewhere/x.pt"
    assert relation([Upstream("a_url", url)], [Upstream("b_url", url)]) == SAME
    assert relation([Upstream("a_url", url)], [Upstream("b_url", url + "1")]) == NONE


def test_any_of_several_counts_and_none_is_independent():
    whisper, fbank = Upstream("whisper_tiny_en"), Upstream("fbank")
    assert relation([fbank, whisper], [Upstream("hubert_base"), whisper]) == SAME
    assert relation([], [whisper]) == NONE
    assert relation([whisper], []) == NONE
