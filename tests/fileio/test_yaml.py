"""YAML as people get it wrong: one message with the line, and never a traceback."""

import os

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.yaml import read_yaml
from tests.conftest import ROOT

LOVE = b"a: &x [1, 2]\nb: *x\nc: {<<: {d: 1}, d: 2}\n"


@pytest.mark.parametrize(
    "content",
    [LOVE, b"\xef\xbb\xbf" + LOVE, LOVE.replace(b"\n", b"\r\n"), b"---\n" + LOVE],
    ids=["plain", "byte-order mark", "CRLF", "document mark"],
)
def test_marks_line_ends_and_anchors_are_read_as_espnet_does(tmp_path, content):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    assert read_yaml(path) == {"a": [1, 2], "b": [1, 2], "c": {"d": 2}}
    with open(path, encoding="utf-8") as stream:  # as ESPnet opens it
        assert yaml.safe_load(stream) == read_yaml(path)


NEST = b"a: " + b"[" * 20000
LAUGHS = b"a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 10))
    for n in range(1, 10)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a:\n\tb: 1\n", r"x\.yaml:2: found a tab; expected spaces"),
        (b"a: 1\nb: 2\na: 3\n", r"x\.yaml:3: found 'a' twice; expected every key"),
        (b"a:\n  b: 1\n  b: 2\n", r"x\.yaml:3: found 'b' twice"),
        (b"a: [\n", r"x\.yaml:2: cannot be read as YAML"),
        (b"a: b: c\n", r"x\.yaml:1: cannot be read as YAML"),
        (b"a: *none\n", r"x\.yaml:1: .*undefined alias"),
        (b"a: !!python/object:os.system x\n", r"x\.yaml:1: .*constructor for the tag"),
        (b"a: 1\n---\nb: 2\n", r"x\.yaml:2: found a second document"),
        (b"a: \xe9\n", r"x\.yaml:1: found bytes that are not UTF-8"),
        ("a: 1\n".encode("utf-16"), r"x\.yaml:1: found bytes that are not UTF-8"),
        (b"a: 1\0\n", r"x\.yaml: cannot be read as YAML"),
        (b"", r"x\.yaml: is empty; expected 'key: value' lines"),
        (b"# only a comment\n", r"x\.yaml: is empty"),
        (b"- a\n- b\n", r"x\.yaml: found a list, \['a', 'b'\]; expected 'key: value'"),
        (b"hello world\n", r"x\.yaml: found text, 'hello world'"),
        (b"5\n", r"x\.yaml: found one value, 5"),
        (b"<!DOCTYPE html><html></html>\n", r"x\.yaml: found text, '<!DOCTYPE html>"),
        (b"on: 1\n", r"x\.yaml: found the key True; expected a name"),
        (b"{[1, 2]: 3}\n", r"x\.yaml:1: .*unhashable key"),
        (b"a: 2024-99-99\n", r"x\.yaml: cannot be read as YAML .*month must be"),
        (b"a: " + b"9" * 5000, r"x\.yaml: cannot be read as YAML .*digits"),
        (b"a: &a [*a]\n", r"x\.yaml: found values nested too deep, or in themselves"),
        (NEST, r"x\.yaml: found values nested too deep"),
        (LAUGHS, r"x\.yaml: .*more than a million values"),
    ],
)
def test_what_is_no_yaml_is_one_message_with_its_line(tmp_path, content, message):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_file_of_comments_may_be_meant(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("# the defaults\n")
    assert read_yaml(path, empty_ok=True) == {}


@pytest.mark.parametrize("name", [".", "none.yaml", "no\0name.yaml", "x" * 300])
def test_what_cannot_be_opened_is_said(tmp_path, name):
    with pytest.raises(UserError, match=r"cannot be read .*; expected a YAML file"):
        read_yaml(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_said(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: 1")
    path.chmod(0)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)"):
        read_yaml(path)


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("**/conf/**/*.yaml")), ids=lambda p: p.stem
)
def test_every_shipped_file_is_read_as_by_pyyaml(path):
    expected = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert read_yaml(path, empty_ok=True) == (expected or {})


WORDS = "<<: _*a_&a _1e-3_yes_2024-1-1_2024-13-1_0x_1:30_!!int _!!set _---_..._!!str _"
WORDS += "!!binary _!!omap _!!pairs _!!timestamp _!!float _!!bool _.nan_\n  _: _- "
SIGNS = "\t\n -:,[]{}&*!|>'\"%@`#?=~<a1é\0\r"
PIECES = st.sampled_from([*SIGNS, *WORDS.split("_")])


@given(st.lists(PIECES, max_size=25).map("".join).map(str.encode) | st.binary())
@settings(max_examples=300, deadline=None)
def test_random_content_is_a_mapping_or_one_message(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "random.yaml"
    path.write_bytes(content)
    try:
        found = read_yaml(path)
    except UserError:
        return
    assert isinstance(found, dict)
    assert repr(found) == repr(yaml.safe_load(content.decode("utf-8-sig")))
