"""Make a training configuration with an SSL loss out of one without.

Both then differ in ``criterions:`` alone, so that a comparison compares the loss.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import yaml

from espnet2_ext.enh.fragment import add_loss, read_fragment
from espnet2_ext.errors import run_main
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.fileio.yaml import read_yaml


def main() -> None:
    """Parse the command line, check the result, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="without SSL loss")
    parser.add_argument("--ssl_conf", type=Path, required=True, help="conf/ssl/X.yaml")
    parser.add_argument("--weight", type=float, help="alpha; default: the fragment's")
    parser.add_argument("--name", help="key in the log; needed by a second SSL loss")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()

    criterion = read_fragment(args.ssl_conf).criterion
    if args.name is not None:
        criterion = {**criterion, "conf": {**criterion["conf"], "name": args.name}}
    config = add_loss(read_yaml(args.config), criterion, args.weight)

    from espnet2_ext.enh.criterions import check_criterions  # takes seconds

    check_criterions(config["criterions"])
    more = "" if args.weight is None else f" --weight {args.weight:g}"
    more += "" if args.name is None else f" --name {args.name}"
    with atomic_write(args.output) as stream:
        stream.write(f"# Made of {args.config.name} and {args.ssl_conf.name}:\n")
        stream.write(
            f"# python -m espnet2_ext.bin.add_ssl_loss --config {args.config}"
            f" --ssl_conf {args.ssl_conf}{more} --output {args.output}\n"
        )
        yaml.safe_dump(config, stream, indent=4, sort_keys=False)
    print(args.output)


if __name__ == "__main__":
    run_main(main)
