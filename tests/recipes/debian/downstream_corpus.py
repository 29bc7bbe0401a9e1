"""The packages of the downstream tasks in miniature; the audio is synthetic."""

from corpus.fetch import STAMP
from tests.data.conftest import tone, write_wav
from tests.recipes.debian.conftest import add_asterisk, add_noise, write_g722

VOICES = {
    "en": "en_US_f_Allison",
    "es": "es_MX_f_Allison",
    "fr": "fr_CA_f_June",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}
FAMILIES = (
    "conf-",
    "confbridge-",
    "dictate/",
    "dir-",
    "phonetic/",
    "queue-",
    "spy-",
    "vm-",
)
PROMPTS = [f"{family}p{n:02d}" for family in FAMILIES for n in range(14)]
PROMPTS += [f"agent-p{n:02d}" for n in range(4)]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
KLETTRES = ("ar", "cs", "de", "el", "en", "en_GB", "es", "fr", "he", "hu", "it", "nds")
KLETTRES += ("nl", "pt_BR", "tn", "uk")
TUXPAINT = ("be", "bg", "da", "es", "fr", "ro", "ru")
MATH = ("be", "bg", "de", "en_GB", "es", "fr", "it", "lt", "nb", "nl", "nn", "pt")
MATH += ("ro", "ru", "sl", "sv")
KTUBERLING = ("en", "fr", "gl", "lt", "nn", "ru", "sl", "wa")


def word(seed, seconds=0.9, fs=16000):
    return tone(seconds, seed, fs)


def add_prompts(root):
    for number, (lang, voice) in enumerate(VOICES.items()):
        texts, base = add_asterisk(
            root, lang, voice, 20 + number, prompts=PROMPTS, seconds=1.6
        )
        if lang == "ru":
            lines = [f"{key}: нажмите клавишу звездочка" for key in PROMPTS]
            texts.unlink()
            plain = texts.with_suffix("")
            plain.write_text("\n".join(lines), encoding="utf-8")
        for index, symbol in enumerate("0123456789" + LETTERS):
            folder = "digits" if symbol.isdigit() else "letters"
            wav = word(90000 + 100 * number + index, 0.4)
            write_g722(base / folder / f"{symbol}.g722", wav)


def add_festvox(root):
    base = root / "festvox-ru/usr/share/festival/voices/russian/msu_ru_nsh_clunits"
    lines = []
    (base / "lab").mkdir(parents=True)
    (base / "etc").mkdir()
    for n in range(1, 621):
        key = f"ru_{n:04d}"
        write_wav(base / f"wav/{key}.wav", tone(1.6, 100000 + n))
        lines.append(f'( {key} "Он ч+итал, кн+игу дома." )')
        (base / f"lab/{key}.lab").write_text(
            "#\n0.10000 125 pau\n0.20000 125 oo\n0.30000 125 n\n0.40000 125 pau\n"
        )
    (base / "etc/txt.done.data").write_text("\n".join(lines), encoding="utf-8")


def add_tuxpaint(root):
    base = root / "tuxpaint-stamps-default/usr/share/tuxpaint/stamps"
    for number in range(12):
        for offset, lang in enumerate(TUXPAINT):
            path = base / f"food/thing{number:02d}_desc_{lang}.ogg"
            write_wav(path, tone(1.7, 200000 + 20 * number + offset))
        texts = {lang: "une chose bleue" for lang in TUXPAINT}
        texts["ru"] = "спелый лимон"
        lines = ["A thing.", *(f"{lang}.utf8={text}" for lang, text in texts.items())]
        path = base / f"food/thing{number:02d}.txt"
        path.write_text("\n".join(lines), encoding="utf-8")
    for offset, lang in enumerate(MATH):
        for digit in range(10):
            wav = word(210000 + 10 * offset + digit, 0.4)
            write_wav(base / f"symbols/math/{digit}_{lang}.ogg", wav)
    write_wav(base / "symbols/math/3_el.ogg", word(219000, 0.4, 11025), 11025)
    write_wav(base / "symbols/math/3_desc_fr.ogg", word(219001, 0.4))
    letters = base / "symbols/alphabets/english/filled/lowercase"
    for index, letter in enumerate(LETTERS):
        write_wav(letters / f"{letter}_filled_en_GB.ogg", word(211000 + index, 0.4))


def add_letters(root):
    base = root / "klettres-data/usr/share/klettres"
    for number, lang in enumerate(KLETTRES):
        lines = []
        for index, letter in enumerate(LETTERS):
            file = f"{lang}/alpha/{letter}.ogg"
            write_wav(base / file, word(220000 + 100 * number + index, 0.6))
            lines.append(f'<sound name="{letter.upper()}" file="{file}" />')
        (base / lang / "sounds.xml").write_text("<klettres>\n" + "\n".join(lines))


def add_words(root):
    base = root / "ktuberling-data/usr/share/ktuberling/sounds"
    for number, lang in enumerate(KTUBERLING):
        lines = []
        for index in range(32):
            file = f"{lang}/thing{index:02d}.ogg"
            write_wav(base / file, word(230000 + 100 * number + index, 0.7))
            lines.append(f'<sound name="thing{index}" file="{file}" />')
        if lang == "fr":  # older recordings of someone else
            write_wav(base / "fr/old.wav", word(239000, 0.7, 8000), 8000)
            lines.append('<sound name="old" file="fr/old.wav" />')
        (base / f"{lang}.soundtheme").write_text("\n".join(lines))


def make_trees(root):
    """Lay out the packages under ``root``; gives {package name: tree}."""
    add_prompts(root)
    add_festvox(root)
    add_tuxpaint(root)
    add_letters(root)
    add_words(root)
    add_noise(root)
    trees = {tree.name: tree for tree in sorted(root.iterdir())}
    for name, tree in trees.items():
        (tree / STAMP).write_text(f"{name}_1.0-1_all.deb\n")
    return trees
