"""The one table of Debian packages behind the embedded corpus."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from espnet2_ext.errors import unknown_name

SIZES = ("tiny", "small", "core", "extended")


@dataclass(frozen=True)
class Package:
    """One Debian package.

    Attributes:
        name: binary package name, the same on every release.
        size: smallest corpus size that uses it.
        megabytes: download size on Debian 12 (for progress and planning).
        purpose: what the corpus takes from it.
        licence: licence of the audio (NOTICE has the authors).
        if_missing: what is used instead, or what is lost.
        everywhere: False for a package that not every supported release has.
    """

    name: str
    size: str
    megabytes: float
    purpose: str
    licence: str
    if_missing: str
    everywhere: bool = True


def _asterisk(
    lang: str, size: str, mb: float, licence: str, lost: str
) -> list[Package]:
    """The audio of one language and, in a package of its own, its transcripts."""
    name = f"asterisk-core-sounds-{lang}"
    return [
        Package(name, size, 0.1, f"texts of the {lang} prompts", licence, lost),
        Package(f"{name}-g722", size, mb, f"speech, {lang}", licence, lost),
    ]


PACKAGES: tuple[Package, ...] = (
    *_asterisk(
        "en", "tiny", 10.6, "CC-BY-SA-3.0", "test_en is lost: the corpus is not built"
    ),
    *_asterisk(
        "it", "tiny", 10.1, "CC-BY-3.0", "one training speaker less (Italian, male)"
    ),
    *_asterisk(
        "fr",
        "tiny",
        10.8,
        "CC-BY-SA-3.0",
        "one training speaker less (French, female); in tiny, test_spk2 is lost",
    ),
    *_asterisk(
        "ru", "small", 10.6, "CC-BY-3.0", "one training speaker less (Russian, female)"
    ),
    Package(
        "asterisk-moh-opsound-g722",
        "tiny",
        7.9,
        "music noise",
        "CC-BY-SA-3.0",
        "no music noise: ambient (and babble) take its share",
    ),
    Package(
        "openttd-opensfx",
        "tiny",
        9.9,
        "ambient noise: vehicles, machines, crowds",
        "CC-BY-SA-3.0",
        "less ambient noise: lincity-ng-data (small and up) is used alone",
    ),
    Package(
        "pocketsphinx-testdata",
        "tiny",
        1.8,
        "speech of the outside set: two voices",
        "BSD-2-Clause",
        "test_out is lost: the corpus is not built",
    ),
    Package(
        "bucklespring-data",
        "tiny",
        2.6,
        "noise of the outside set: a keyboard",
        "GPL-2+",
        "the outside set has beats alone",
    ),
    Package(
        "sonic-pi-samples",
        "tiny",
        21.9,
        "noise of the outside set: beats",
        "per file: CC0-1.0, MIT",
        "the outside set has typing alone",
    ),
    Package(
        "lincity-ng-data",
        "small",
        44.8,
        "ambient noise: traffic, markets, school yards, water, wind",
        "GPL-2+ or CC-BY-SA-2.0",
        "less ambient noise: openttd-opensfx is used alone",
    ),
    Package(
        "klettres-data",
        "small",
        39.5,
        "babble voices; second unseen speaker of the small size (Danish)",
        "GPL-2+",
        "no babble, and no test_spk2, unless tuxpaint-stamps-default is there",
    ),
    Package(
        "festvox-ru",
        "core",
        178.7,
        "speech, ru: 620 read sentences of one man",
        "BSD-like (keep the notice, mark changes)",
        "79 minutes of training speech less",
    ),
    Package(
        "tuxpaint-stamps-default",
        "core",
        160.9,
        "speech of volunteers (be fr ro ru da), babble voices, ambient noise",
        "GPL-2+",
        "four training speakers less; test_spk2 falls back to klettres-data",
    ),
    Package(
        "fillets-ng-data",
        "extended",
        70.6,
        "texts of the fillets-ng-data-cs and -nl voices",
        "GPL-2",
        "the Czech and Dutch voices are lost with it",
    ),
    Package(
        "fillets-ng-data-cs",
        "extended",
        39.0,
        "speech, cs: two actors",
        "GPL-2",
        "two training speakers less (Czech)",
    ),
    Package(
        "fillets-ng-data-nl",
        "extended",
        32.6,
        "speech, nl: two actors",
        "GPL-2",
        "two training speakers less (Dutch)",
    ),
    Package(
        "blanket",
        "extended",
        17.5,
        "ambient noise: 12 minutes of field recordings",
        "per file: CC0, public domain, CC-BY-3.0/4.0, CC-BY-SA-3.0",
        "field recordings are lost (Debian 12 has no such package): the other "
        "ambient sources are used",
        everywhere=False,
    ),
)

# What the downstream tasks need beside the core size. The Spanish prompts are spoken by
# the woman of test_en, so they are no part of any corpus size.
DOWNSTREAM_PACKAGES: tuple[Package, ...] = (
    *_asterisk(
        "es",
        "core",
        13.0,
        "CC-BY-SA-3.0",
        "no Spanish prompts: lid has one language less, ic one translation less, asv "
        "no pair of one woman in two languages",
    ),
    Package(
        "ktuberling-data",
        "core",
        46.7,
        "words of volunteers: speakers of sid and asv, French test speech of lid",
        "GPL-2+",
        "seven speakers less in sid and asv; lid is not tested on French",
    ),
)

PROVIDED_BY = "Debian 12 and 13, main"


def packages_for(size: str) -> list[Package]:
    """List the packages of a corpus size; each size contains the smaller ones.

    Raises:
        UserError: if ``size`` is unknown.
    """
    if size not in SIZES:
        raise unknown_name("corpus size", size, SIZES)
    wanted = SIZES[: SIZES.index(size) + 1]
    return [package for package in PACKAGES if package.size in wanted]


def downstream_packages(size: str) -> list[Package]:
    """List the packages of the downstream tasks: the core size and a few more.

    Args:
        size: the quick one has those of the small corpus.
    """
    if size == "quick":
        return packages_for("small")
    return [*packages_for("core"), *DOWNSTREAM_PACKAGES]


def missing_report(missing: Collection[str]) -> list[str]:
    """Say, one line a package, what the corpus loses without it."""
    return [
        f"{package.name} is not available here: {package.if_missing}"
        for package in (*PACKAGES, *DOWNSTREAM_PACKAGES)
        if package.name in missing
    ]
