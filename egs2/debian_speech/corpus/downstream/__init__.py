"""Downstream tasks with real labels on the embedded corpus.

``roles`` says which recordings may train, select and test, ``sources`` adds the
recordings that enhancement does not use, ``tasks`` is the one table of tasks, ``items``
what a manifest row is made of, ``speakers`` and ``words`` define the tasks, ``write``
renders audio and CSV manifests.
"""
