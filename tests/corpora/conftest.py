"""Corpora in miniature."""

from tests.superb.corpora.conftest import corpus, recordings

__all__ = ["corpus", "recordings"]
