"""``loopcheck certify``: what a report may claim about a profile, or every reason why it may not."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from loopcheck.commands import Mistake

if TYPE_CHECKING:
    from loopcheck.report.certificate import Certificate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.description = (
        "Print the certificates that a report earns, one for each subject and environment in it. "
        "The exit status is 1 if one is refused; all reasons are printed."
    )
    parser.add_argument("report", metavar="REPORT", help="a report.jsonl, of one run or merged")
    parser.add_argument(
        "--profile", metavar="NAME", required=True, help="the profile, such as core-2026.1; 'loopcheck profile' lists"
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people (default), or json")


def run(options: argparse.Namespace) -> int:
    """Print the certificates; 1 if one is refused."""
    from loopcheck import profiles
    from loopcheck.report import reading
    from loopcheck.report.certificate import certify

    try:
        profile = profiles.load(options.profile)
        runs = reading.read_all(Path(options.report))
    except (profiles.ProfileError, reading.ReportError) as error:
        raise Mistake(str(error)) from None
    certificates = [certify(run, profile, factory) for run in runs for factory in run.subjects]
    if options.format == "json":
        print(json.dumps([one.to_json() for one in certificates], indent=1))
    else:
        print("\n\n".join(_as_text(one) for one in certificates))
    return int(not all(one.granted for one in certificates))


def _as_text(certificate: Certificate) -> str:
    from loopcheck.report import cards

    head, profile = certificate.run.header, certificate.profile
    lines = [certificate.sentence, ""]
    lines += [f"refused    {reason}" for reason in certificate.refused]
    lines += [
        f"profile    {profile.name}, {certificate.planned} checks on this Python, sha256:{profile.digest}",
        f"subject    {certificate.subject['factory']}, "
        f"{len(certificate.subject.get('files', ()))} files, sha256:{certificate.subject.get('digest', 'unknown')}",
        f"battery    loopcheck {head['loopcheck']}, sha256:{head['catalogue']}",
        f"run        {head['started']}",
        f"outcomes   {', '.join(f'{number} {outcome}' for outcome, number in certificate.totals.items())}",
    ]
    for area, levels in certificate.counts.items():
        told = (
            f"{level} {', '.join(f'{number} {outcome}' for outcome, number in outcomes.items())}"
            for level, outcomes in levels.items()
        )
        lines.append(f"area       {area}: {'; '.join(told)}")
    lines += [f"declined   {one['need']}: {one['reason']} ({one['checks']} checks)" for one in certificate.declined]
    lines += [
        f"known      {one['id']} ({one['was']}): {one['reason']}" + (f" ({one['issue']})" if one["issue"] else "")
        for one in certificate.known
    ]
    lines += [f"not shown  {one['checks']} checks: {one['reason']}" for one in certificate.unavailable]
    lines += [f"advice     {one['id']}: {one['outcome']}" for one in certificate.advice]
    lines += [
        f"newer      {len(ids)} checks that the profile does not have yet: {outcome}"
        for outcome, ids in certificate.provisional.items()
    ]
    return "\n".join(cards.clean(line.replace("\n", " ")) for line in lines)
