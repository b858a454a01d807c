"""The control and the baseline pass everything: what fails here is a bug of ours."""

from __future__ import annotations

import pytest
from support import PytestRunner


@pytest.mark.parametrize("factory", ["asyncio:SelectorEventLoop", "loopcheck.baseline:SelectorLoop"])
def test_passes_everything(run_pytest: PytestRunner, factory: str) -> None:
    run = run_pytest(f"--loop-factory={factory}", "--loop-level=may")
    accused = {id: record for id, record in run.checks.items() if record["outcome"] not in ("passed", "unavailable")}

    assert accused == {}
    assert run.footer["complete"]
    assert run.status == 0
    assert len(run.checks) > 200
