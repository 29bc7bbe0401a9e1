"""All checks of a recipe's options, and one message with everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.plan.systems import Options, first_stages, trained_systems, words

TEMPLATES = ("enh_ssl", "asr", "hubert", "superb")


def check_options(template: str, options: Options, dry_run: bool) -> None:
    """Check all options.

    Args:
        template: one of `TEMPLATES`.
        options: name -> value, of all options of the template.
        dry_run: whether nothing will be run.

    Raises:
        UserError: with all problems.
    """
    problems = list(check_counts(options)) or list(check_directories(options))
    if problems:
        raise UserError("\n".join(problems))


def check_counts(options: Options) -> Iterator[str]:
    """Compare the numbers of labels, tags and directories with that of the systems."""
    configs, exps = words(options, "enh_config"), words(options, "enh_exp")
    count = len(configs) or len(exps) or 1
    each = "YAML of --enh_config" if configs else "directory of --enh_exp"
    if "enh_exps" in options:
        count, each = len(words(options, "enh_exps")), "directory of --enh_exps"
    for name in ("enh_exp", "enh_tag", "enh_label"):
        found = words(options, name)
        if found and len(found) != count:
            yield (
                f"--{name}: found {len(found)} ({shorten(found, ' ')}) for {count} "
                f"systems; expected one for each {each}, or none."
            )


def check_directories(options: Options) -> Iterator[str]:
    """Find systems that would share a directory, or its name."""
    if not {"enh_config", "enh_exps"} & options.keys():
        return
    seen: dict[str, str] = {}
    for row in [*first_stages(options), *trained_systems(options)]:
        if row.row not in seen:
            seen[row.row] = row.exp
        elif seen[row.row] == row.exp:
            yield (
                f"found the same system twice, both in {row.exp}; expected a "
                "directory for each; leave one out, or give each its --enh_tag."
            )
        else:
            yield (
                f"found two systems named {row.row}: {seen[row.row]} and {row.exp}; "
                "expected directories whose last parts differ, as these name the rows."
            )
