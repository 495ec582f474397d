"""Subcommand `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.examples import examples
from flows.options import AsJson, Lake
from schemas.errors import BuildError, ExitCode

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "multiinstruct serve --lake sample-lake",
        "multiinstruct serve --detach",
        "multiinstruct serve --status",
        "multiinstruct serve --stop",
        then="Everything listens on 127.0.0.1 only. Where other people use the machine, ask for a password: "
        "`export PREFECT_SERVER_API_AUTH_STRING=name:password`, and the same as "
        "`PREFECT_API_AUTH_STRING` for the command `prefect`.",
    )
)
def serve(
    lake: Lake = Path("lake"),
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", help="Where Prefect's database and the logs go.", show_default="LAKE/.prefect"
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Of Prefect; 0 is any free one.")
    ] = 4200,
    reports_port: Annotated[
        int, typer.Option("--reports-port", min=0, max=65535, help="Of the reports; 0 is any free one.")
    ] = 4280,
    gpu: Annotated[bool, typer.Option("--gpu", help="Start a worker for the pool gpu as well.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Outlive this terminal, and return once all is up.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Say what is served; exit code 1 if nothing is.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End what is served.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring up Prefect (server, pools, deployments, worker) and the reports of a lake. Ctrl-C ends it all."""
    from flows import detached
    from flows.serve import Wanted
    from flows.serve import serve as serve_here

    if sum((detach, status, stop)) > 1 or (as_json and not status):
        raise BuildError(
            "these options do not go together",
            expected="at most one of --detach, --status and --stop; --json only with --status",
            exit_code=ExitCode.USAGE,
        )
    lake = lake.resolve()
    place = home.resolve() if home else lake / ".prefect"
    if status:
        raise typer.Exit(0 if detached.status(place, as_json) else 1)
    if stop:
        detached.stop(place)
        return
    wanted = Wanted(lake=lake, home=place, port=port, reports_port=reports_port, gpu=gpu)
    if detach:
        detached.detach(wanted)
    else:
        serve_here(wanted)
