"""Data directories: simulation of noisy speech, and the checker.

``check``/``tables``/``audiofacts`` are the checker, ``simulate`` mixes signals,
``debian`` builds the embedded corpus out of Debian packages.
"""
