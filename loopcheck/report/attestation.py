"""A report as an in-toto statement with the Test Result predicate, for who signs and checks such statements.

The statement is not signed here: that is for the tool that holds the key. Its subject is a wheel whose files are those
that were tested, or, without a wheel, each of the files.
"""

from __future__ import annotations

from typing import Any

from loopcheck.profiles import Profile
from loopcheck.report.certificate import certify, place_of
from loopcheck.report.columns import Column
from loopcheck.report.verification import Wheel

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"


class AttestationError(Exception):
    """Nothing can be attested; the message says why."""


def attest(
    column: Column, report_digest: str, profile: Profile | None = None, wheel: Wheel | None = None
) -> dict[str, Any]:
    """The statement about one subject in one run.

    Args:
        column: the subject and its records.
        report_digest: the SHA-256 of the report's file.
        profile: the profile of which it speaks; None for all that was planned.
        wheel: what its subject is; its files must be those that were tested.

    Raises:
        AttestationError: the report does not say which files were tested, or they are not those of the wheel.
    """
    files = column.subject.get("files", {})
    if not files:
        raise AttestationError(f"{column.name}: the report does not say which files were tested")
    if wheel is not None and (other := [path for path in files if wheel.files.get(path) != files[path]]):
        raise AttestationError(
            f"{wheel.path}: the files that were tested are not those of this wheel: {other[0]!r:.200} is another, "
            f"or not in it ({len(other)} of {len(files)})"
        )
    header = column.run.header
    records = column.records
    failed = {record["check"] for record in column.failing}
    result = "FAILED" if failed or not column.run.complete or not records else ""
    if profile is not None:
        certificate = certify(column.run, profile, column.factory)
        wanted = set(profile.checks)
        records = {
            id: record
            for id, record in records.items()
            if id in wanted or not wanted.isdisjoint(record.get("formerly", ()))
        }
        failed &= set(records)
        result = "" if certificate.granted else "FAILED"
    passed = [id for id, record in records.items() if record["outcome"] == "passed"]
    warned = [id for id, record in records.items() if record["outcome"] != "passed" and id not in failed]
    configuration = [
        _resource(f"report of {column.factory} on {place_of(column.run)}", report_digest),
        _resource(f"loopcheck {header['loopcheck']}, battery", header["catalogue"]),
    ]
    if profile is not None:
        configuration.append(_resource(f"profile {profile.name}", profile.digest))
    declaration = header["declaration"]
    if declaration is not None and declaration["subject"] == column.factory:
        configuration.append(_resource(declaration["path"], declaration["digest"]))
    return {
        "_type": STATEMENT,
        "subject": [_resource(wheel.path.name, wheel.digest)]
        if wheel is not None
        else [_resource(path, digest) for path, digest in files.items()],
        "predicateType": PREDICATE,
        "predicate": {
            "result": result or ("WARNED" if warned else "PASSED"),
            "configuration": configuration,
            "passedTests": passed,
            "warnedTests": warned,
            "failedTests": [id for id in records if id in failed],
        },
    }


def _resource(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest}}
