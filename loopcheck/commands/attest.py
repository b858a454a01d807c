"""``loopcheck attest``: a report as in-toto statements, to be signed by a tool that has a key."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

from loopcheck.commands import Mistake


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Make an in-toto statement (Statement v1, Test Result v0.1) for each subject and environment of a report, one "
        "a line. It is not signed: give it to cosign, or to another tool that has a key."
    )
    parser.add_argument("report", metavar="REPORT", help="a report.jsonl, of one run or merged")
    parser.add_argument("--wheel", metavar="FILE", help="what is attested; its files must be those that were tested")
    parser.add_argument("--profile", metavar="NAME", help="speak of this profile (default: all that was planned)")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to; written whole or not at all (default: print)")


def run(options: argparse.Namespace) -> int:
    """Make the statements."""
    from loopcheck import profiles
    from loopcheck.report import reading, verification
    from loopcheck.report.attestation import AttestationError, attest
    from loopcheck.report.columns import columns
    from loopcheck.report.writing import WritingError, write_whole

    path = Path(options.report)
    try:
        runs = reading.read_all(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        wheel = None if options.wheel is None else verification.read_wheel(Path(options.wheel))
        profile = None if options.profile is None else profiles.load(options.profile)
        statements = [attest(column, digest, profile, wheel) for column in columns(runs)]
        content = "".join(json.dumps(one, ensure_ascii=True) + "\n" for one in statements)
        if options.output is not None:
            write_whole(Path(options.output), content.encode("ascii"))
            return 0
    except (
        reading.ReportError,
        verification.WheelError,
        profiles.ProfileError,
        AttestationError,
        WritingError,
    ) as error:
        raise Mistake(str(error)) from None
    sys.stdout.write(content)
    return 0
