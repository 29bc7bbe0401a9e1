"""The scored systems that the tests of the report have."""

from tests.report.conftest import corpus

__all__ = ["corpus"]
