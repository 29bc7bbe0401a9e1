"""The archives of corpora that may be downloaded without an account.

Sizes and checksums are those that the makers publish, or that well-kept toolkits check
(OpenSLR's md5sum.txt, torchaudio, Zenodo); where nobody publishes one, the archive is
only tested by unpacking it.
"""

from __future__ import annotations

from dataclasses import dataclass

from espnet2_ext.errors import unknown_name


@dataclass(frozen=True)
class Archive:
    """One file to download and unpack.

    Attributes:
        corpus: name of the corpus.
        part: of the corpus; ``corpus:part`` names the archive.
        urls: where it is, tried in this order.
        holds: a folder that unpacking makes.
        size: in bytes; 0 if not known.
        checksum: ``md5:...`` or ``sha256:...``; empty if none is published.
        licence: of its content.
    """

    corpus: str
    part: str
    urls: tuple[str, ...]
    holds: str
    size: int = 0
    checksum: str = ""
    licence: str = ""

    @property
    def name(self) -> str:
        """What a user calls it."""
        return f"{self.corpus}:{self.part}"

    @property
    def file(self) -> str:
        """Its file name."""
        return self.urls[0].removesuffix("/content").rpartition("/")[2].split("?")[0]


SLR_MIRRORS = ("www.openslr.org", "openslr.trmal.net", "openslr.elda.org")
LIBRISPEECH = {  # part -> (bytes or 0, md5)
    "dev-clean": (337926286, "42e2234ba48799c1f50f24a7926300a1"),
    "dev-other": (0, "c8d0bcc9cca99d4f8b62fcc847357931"),
    "test-clean": (346663984, "32fa31d27d2e1cad72775fee3f4849a9"),
    "test-other": (0, "fb5a50374b501bb3bac4815ee91d3135"),
    "train-clean-100": (6387309499, "2a93770f6d5c6c964bc36631d331a522"),
    "train-clean-360": (0, "c0e676e450a7ff2f54aeade5171606fa"),
    "train-other-500": (0, "d1a0fd59409feb2c614ce4d30c387708"),
}
DEMAND = {  # scene -> (bytes, md5); SCAFE is published at 48 kHz alone
    "DKITCHEN": (110501049, "7ffbf52d7f4699f96927846103dc8788"),
    "DLIVING": (80170627, "46741384d9e434a0bd8b3ec1830b6052"),
    "DWASHING": (102343250, "7e5ee9437ce9409c5f9a779b6212a240"),
    "NFIELD": (86536782, "a740046c6f4e174e16f5d568aaec5024"),
    "NPARK": (86029332, "80f1385a34d7f1705758926b57f138ce"),
    "NRIVER": (98689565, "54264db61d3fe073fb81f2e40e0d19b5"),
    "OHALLWAY": (77941854, "fe918bbb0e63e73d09ba7f4843ef33f1"),
    "OMEETING": (82703355, "62f7cfe7fe6d30b7d8a215fe37c2dfd2"),
    "OOFFICE": (88995191, "7b61cc2d182d5a654cb9c3101ddd4041"),
    "PCAFETER": (107431494, "99927d148128254141a9417d051510bb"),
    "PRESTO": (111292815, "b98d2e6854eeebb397f29a8ad7457092"),
    "PSTATION": (119441094, "d7448009f6c2aeb6ba570375df1750a3"),
    "SPSQUARE": (110928528, "205d0e7b8fe74504a2f8d252fc414b9e"),
    "STRAFFIC": (118572691, "2efa87262f272bbf9ba578088e81939c"),
    "TBUS": (128916709, "706b11b0d8504f9f3b3f3211e91b3863"),
    "TCAR": (130045975, "4d930012796bd298932245a26189f973"),
    "TMETRO": (126589090, "95daf4df678e13b120e14211e6d89571"),
}
VOICEBANK = {  # folder -> (number in the repository, md5)
    "clean_trainset_28spk_wav": (2, "d2d5a45ec32f8fcbf201bde0447e20ba"),
    "noisy_trainset_28spk_wav": (6, "1fca9e8bafb8cd069f6653c6d92f9e9c"),
    "clean_trainset_56spk_wav": (3, "c351cbc9db30e41686c988c19f0e1475"),
    "noisy_trainset_56spk_wav": (7, "b26382542716642b8f2845880af69cf0"),
    "clean_testset_wav": (1, "34eb1c0ba7ef667e9b966866c542fc16"),
    "noisy_testset_wav": (5, "fb1b86caa31e8ba5b506c0c64da9aab5"),
}
VOICEBANK_UNCHECKED = (
    "testset_txt",
    "trainset_28spk_txt",
    "trainset_56spk_txt",
    "logfiles",
)


def _slr(number: int, file: str) -> tuple[str, ...]:
    return tuple(f"https://{host}/resources/{number}/{file}" for host in SLR_MIRRORS)


def _voicebank(name: str, checksum: str = "", sequence: int = 0) -> Archive:
    url = f"https://datashare.ed.ac.uk/bitstream/handle/10283/2791/{name}.zip"
    url += f"?sequence={sequence}&isAllowed=y" if sequence else ""
    return Archive(
        "voicebank_demand", name, (url,), name, 0, checksum, licence="CC BY 4.0"
    )


def _librispeech(part: str) -> Archive:
    size, md5 = LIBRISPEECH[part]
    return Archive(
        corpus="librispeech",
        part=part,
        urls=_slr(12, f"{part}.tar.gz"),
        holds=f"LibriSpeech/{part}",
        size=size,
        checksum=f"md5:{md5}",
        licence="CC BY 4.0",
    )


def _demand(scene: str) -> Archive:
    size, md5 = DEMAND[scene]
    zenodo, file = "https://zenodo.org", f"files/{scene}_16k.zip"
    return Archive(
        corpus="demand",
        part=scene,
        urls=(
            f"{zenodo}/records/1227121/{file}",
            f"{zenodo}/api/records/1227121/{file}/content",
        ),
        holds=scene,
        size=size,
        checksum=f"md5:{md5}",
        licence="CC BY-SA 3.0 (by Zenodo: CC BY 4.0)",
    )


MUSAN = Archive(
    corpus="musan",
    part="all",
    urls=_slr(17, "musan.tar.gz"),
    holds="musan",
    size=11086114085,
    checksum="md5:0c472d4fc0c5141eca47ad1ffeb2a7df",
    licence="CC BY 4.0; of each file: LICENSE",
)
RIRS_NOISES = Archive(
    corpus="rirs_noises",
    part="all",
    urls=_slr(28, "rirs_noises.zip"),
    holds="RIRS_NOISES",
    checksum="md5:e6f48e257286e05de56413b4779d8ffb",
    licence="Apache-2.0",
)
ARCHIVES: dict[str, Archive] = {
    archive.name: archive
    for archive in (
        *map(_librispeech, LIBRISPEECH),
        MUSAN,
        RIRS_NOISES,
        *map(_demand, DEMAND),
        *(_voicebank(k, f"md5:{md5}", n) for k, (n, md5) in VOICEBANK.items()),
        *map(_voicebank, VOICEBANK_UNCHECKED),
    )
}


def find_archives(words: list[str]) -> list[Archive]:
    """Look archives up.

    Args:
        words: ``corpus:part``, or ``corpus`` for all of its parts.

    Raises:
        UserError: if one is unknown.
    """
    found: dict[str, Archive] = {}
    for word in words:
        names = [n for n in ARCHIVES if word in (n, n.partition(":")[0])]
        if not names:
            corpora = {name.partition(":")[0] for name in ARCHIVES}
            known = ARCHIVES if ":" in word else corpora
            raise unknown_name("archive", word, known)
        found |= {name: ARCHIVES[name] for name in names}
    return list(found.values())
