"""What tests around Prefect share: its settings, the processes of a home, and waiting for their end."""

from __future__ import annotations

import os
import select
from pathlib import Path


def processes(home: Path) -> list[int]:
    """The processes that Prefect's home was given to, which all services of `serve` have in common."""
    wanted = f"PREFECT_HOME={home}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def all_end(pids: list[int], seconds: float) -> bool:
    """Whether all of these processes end in that time."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if not select.select([handle], [], [], seconds)[0]:
                return False
        finally:
            os.close(handle)
    return True


def known_settings() -> set[str]:
    """Every environment variable that the installed Prefect reads."""
    from prefect.settings.base import PrefectBaseSettings
    from prefect.settings.models.root import Settings

    def names(model: type[PrefectBaseSettings]) -> set[str]:
        found: set[str] = set()
        prefix = str(model.model_config.get("env_prefix", ""))
        for name, field in model.model_fields.items():
            kind = field.annotation
            if isinstance(kind, type) and issubclass(kind, PrefectBaseSettings):
                found |= names(kind)
                continue
            choices = getattr(field.validation_alias, "choices", [field.validation_alias])
            found |= {f"{prefix}{name}".upper(), *(one.upper() for one in choices if isinstance(one, str))}
        return found

    return names(Settings)
