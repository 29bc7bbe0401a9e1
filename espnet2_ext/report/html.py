"""Print the report as one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.report.document import Document
from espnet2_ext.report.examples import Example
from espnet2_ext.report.pictures import RANGE_DB

TEMPLATE = Path(__file__).with_name("report.html.j2")


def to_html(
    document: Document,
    training: Sequence[str],
    examples: Mapping[str, Sequence[Example]],
) -> str:
    """Fill the template.

    Args:
        document: tables and verdicts.
        training: pictures of the training curves, as ``data:`` addresses.
        examples: test set -> its examples.
    """
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        document=document,
        training=training,
        examples=examples,
        range_db=int(RANGE_DB),
    )
