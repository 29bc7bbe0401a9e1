"""Corpora in miniature."""

from tests.superb.corpora.conftest import corpus

__all__ = ["corpus"]
