"""Kaldi data directories: checking, formatting, filtering, and making noisy speech.

* ``check``, ``check_lists``, ``check_audio``, ``problems``, ``audiofacts``: the checker
* ``speed``, ``format_dir``, ``filter``: stages 2, 3 and 4
* ``rewrite``: audio made of other audio, resumable; ``export``: for ESPnet's scripts
* ``simulate``, ``noise_source``, ``noisy_set``, ``clean_audio``: noisy speech
"""
