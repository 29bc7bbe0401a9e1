"""Corpora that users own: what is on disk, and what of it is missing.

* ``description``  where a corpus comes from, how it is laid out
* ``pieces``       what is missing or damaged, collected
* ``noise``        recordings without speech, and their kinds

What is made of a corpus (mixtures, rows of SUPERB tasks) is made elsewhere.
"""
