"""Add up the JUnit files of the test stages and print one closing line; exit 1 on any failure."""

import os
import sys
import xml.etree.ElementTree as ElementTree  # our own files, written a moment ago


def main() -> int:
    """Read the files named on the command line."""
    passed = failed = skipped = 0
    for name in filter(os.path.exists, sys.argv[1:]):
        for suite in ElementTree.parse(name).iter("testsuite"):  # noqa: S314
            total, bad = int(suite.get("tests", 0)), 0
            bad += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            left = int(suite.get("skipped", 0))
            passed, failed, skipped = passed + total - bad - left, failed + bad, skipped + left
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    raise SystemExit(main())
