"""Package trees in miniature, laid out as the real ones; the audio is synthetic."""

import gzip
import os
import struct
import subprocess
import sys
import time

import numpy as np
import pytest

from corpus.fetch import STAMP
from tests.data.conftest import FS, tone, write_wav

PROMPTS = [f"vm-prompt{number:02d}" for number in range(30)]


def write_g722(path, wav):
    from G722 import G722

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(G722(FS, 64000).encode((wav * 32767).astype(np.int16))))


def make_cat(sounds):
    """Lay {title: RIFF bytes} out as OpenTTD does."""
    entries, offset = [], 8 * len(sounds)
    for title, riff in sounds.items():
        name = title.encode("latin-1") + b"\0"
        entries.append((offset, bytes([len(name)]) + name + riff + b"\5tail\0"))
        offset += len(entries[-1][1])
    table = [struct.pack("<II", at | 0x80000000, len(body)) for at, body in entries]
    return b"".join(table + [body for _, body in entries])


def add_asterisk(root, lang, voice, seed, prompts=PROMPTS, seconds=None):
    texts, sounds = [f"; Core sounds in {lang}", ""], {}
    for index, key in enumerate(prompts):
        length = seconds or 1.5 + index % 4
        texts.append(f"{key}: prego dire {'la parola ' * int(length)}ora.")
        sounds[key] = tone(length, 1000 * seed + index)
    doc = root / f"asterisk-core-sounds-{lang}/usr/share/doc/asterisk-{lang}"
    doc.mkdir(parents=True)
    name = doc / f"core-sounds-{lang}.txt.gz"
    name.write_bytes(gzip.compress("\n".join(texts).encode()))
    base = root / f"asterisk-core-sounds-{lang}-g722/usr/share/asterisk/sounds/{voice}"
    for key, wav in sounds.items():
        write_g722(base / f"{key}.g722", wav)
    return name, base


def add_noise(root):
    base = root / "lincity-ng-data/usr/share/lincity-ng/sounds"
    scenes = ("Water", "Fire", "School", "Market", "Mill", "Trafic", "Rail", "Farm")
    for index, scene in enumerate(scenes):
        for take in (1, 2):
            path = base / f"{scene}{take}.wav"
            write_wav(path, tone(3, 500 + 10 * index + take, fs=11025), 11025)
    moh = root / "asterisk-moh-opsound-g722/usr/share/asterisk/moh"
    for index in range(5):
        write_g722(moh / f"track{index}.g722", tone(20, 700 + index))


def add_outside(root):
    data = root / "pocketsphinx-testdata/usr/share/pocketsphinx/test/data"
    for voice, table in (
        ("librivox", "transcription"),
        ("cards", "cards.transcription"),
    ):
        lines = []
        for index in range(2):
            write_wav(data / voice / f"{index:03d}.wav", tone(2, 900 + index))
            lines.append(f"<s> ten  of {voice} </s> ({index:03d})")
        (data / voice / table).write_text("\n".join(lines))
    for index in range(3):
        key = root / f"bucklespring-data/usr/share/buckle/wav/{index}-1.wav"
        write_wav(key, tone(0.3, 920 + index))
        beat = root / f"sonic-pi-samples/usr/share/sonic-pi/samples/loop_{index}.flac"
        write_wav(beat, tone(2, 930 + index))


def add_klettres(root):
    base = root / "klettres-data/usr/share/klettres"
    langs = ("da", "cs", "de", "hu", "lt", "nb", "pt_BR", "ar", "he", "tn", "uk", "ru")
    for number, lang in enumerate(langs):
        lines = []
        for index in range(8):
            pad = np.zeros(FS)
            wav = np.concatenate([pad, tone(0.7, 5000 + 20 * number + index), pad])
            write_wav(base / lang / "alpha" / f"a-{index}.ogg", wav)
            lines.append(
                f'<sound name="&#65;{index}" file="{lang}/alpha/a-{index}.ogg" />'
            )
        (base / lang / "sounds.xml").write_text("<klettres>\n" + "\n".join(lines))


def kill_at_first_audio(script, root, folder, seconds=120):
    """Run a script with the argument ``root``; kill it once ``folder`` has a wav."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(root)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + seconds
    while not (folder.is_dir() and any(folder.glob("*.wav"))):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.002)
    process.kill()
    process.wait()


@pytest.fixture(scope="session")
def small_root(tmp_path_factory):
    """The packages of the small size, unpacked: a folder of trees."""
    root = tmp_path_factory.mktemp("tree")
    add_asterisk(root, "en", "en_US_f_Allison", 1, seconds=3.5)
    add_asterisk(root, "fr", "fr_CA_f_June", 2)
    add_asterisk(root, "it", "it_IT_m_Carlo", 3)
    add_asterisk(root, "ru", "ru_RU_f_IvrvoiceRU", 4)
    add_noise(root)
    add_klettres(root)
    add_outside(root)
    for tree in root.iterdir():
        (tree / STAMP).write_text(f"{tree.name}_1.0-1_all.deb\n")
    return root


@pytest.fixture(scope="session")
def small_trees(small_root):
    return {tree.name: tree for tree in sorted(small_root.iterdir())}


@pytest.fixture(scope="session")
def downstream_root(tmp_path_factory):
    """The packages of the downstream tasks, unpacked: a folder of trees."""
    from tests.recipes.debian.downstream_corpus import make_trees

    root = tmp_path_factory.mktemp("downstream")
    make_trees(root)
    return root
