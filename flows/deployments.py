"""Makes a Prefect server ready for this project: its pools, what becomes of lost runs, its deployments.

    python -m flows.deployments

It may be run any number of times, against the server that `PREFECT_API_URL` names.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prefect.events.schemas.automations import AutomationCore

ROOT = Path(__file__).resolve().parent.parent
"""The checkout, in which `prefect.yaml` lies and whose flows the deployments run."""

POOLS = ("cpu", "gpu")
"""The pools of `prefect.yaml`. What is sent to a pool without a worker waits for one."""

HEARTBEAT_SECONDS = 30
"""How often a flow run says that it lives; Prefect takes nothing shorter."""

LOST_AFTER = timedelta(seconds=3 * HEARTBEAT_SECONDS)

_LIVING = "prefect.flow-run.heartbeat"
_ENDED = ("Completed", "Failed", "Cancelled", "Crashed")


def _make_pools() -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    with get_client(sync_client=True) as client:
        for name in POOLS:
            try:
                client.create_work_pool(WorkPoolCreate(name=name, type="process", base_job_template=template))
            except ObjectAlreadyExists:
                # Whoever runs the server may have changed it: it stays as it is.
                continue


def _crash_lost_runs() -> AutomationCore:
    """Marks a run as crashed once it has been silent for `LOST_AFTER`.

    A run whose machine or worker was killed stays `Running` for ever otherwise. The rule is Prefect's own,
    https://docs.prefect.io/v3/advanced/detect-zombie-flows.
    """
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
    from prefect.events.schemas.events import ResourceSpecification

    return AutomationCore(
        name="crash lost runs",
        description="A flow run that sends no heartbeat any more is marked as crashed.",
        trigger=EventTrigger(
            after={_LIVING},
            expect={_LIVING, *(f"prefect.flow-run.{state}" for state in _ENDED)},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=LOST_AFTER,
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                message="No heartbeat: its process or its machine is gone.",
                force=False,
            )
        ],
    )


def _make_automation() -> None:
    from prefect.client.orchestration import get_client

    wanted = _crash_lost_runs()
    with get_client(sync_client=True) as client:
        if not client.read_automations_by_name(wanted.name):
            client.create_automation(wanted)


def deploy() -> int:
    """Makes pools, automation and deployments, and leaves alone what is there already.

    Returns:
        exit code: not 0 where Prefect refuses a deployment, and has said why.
    """
    _make_pools()
    _make_automation()
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(deploy())
