"""Print the Debian packages that complete this interpreter, one a line.

Usage: python3.N probe_python.py; prints nothing where nothing is missing; exit code 3
where the version is not one of those that this project runs on. Run by setup.sh with
each interpreter that it finds, also with very old ones, so it says little.
"""

import os
import sys
import sysconfig

OLDEST, TOO_NEW = (3, 11), (3, 14)


def can_make_environments():
    # type: () -> bool
    """Try what ``python -m venv`` needs; Debian splits these modules off."""
    try:
        import ctypes  # noqa: F401 (custom builds may come without it, and ssl)
        import ensurepip
        import ssl  # noqa: F401
        import venv  # noqa: F401

        return bool(ensurepip.version())  # from the wheel, which is a package, too
    except Exception:  # whatever is broken, the answer is the same
        return False


def can_compile_against():
    # type: () -> bool
    """Look for the headers where extension builds of this interpreter look."""
    folders = (sysconfig.get_config_var("INCLUDEPY"), sysconfig.get_path("include"))
    return any(
        folder and os.path.exists(os.path.join(folder, "Python.h"))
        for folder in folders
    )


def main():
    # type: () -> int
    """Print what is missing and return the exit code."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        return 3
    name = os.path.basename(sys.argv[1]) if len(sys.argv) > 1 else "python3"
    if not can_make_environments():
        print(name + "-venv")
    if not can_compile_against():
        print(name + "-dev")
    return 0


if __name__ == "__main__":
    sys.exit(main())
