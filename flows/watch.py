"""Who is told how a build goes on: nobody, or the display of the command."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Protocol

from schemas.artifact import Manifest
from transforms.steps import Progress, Step


class Watcher(Protocol):
    """Told of each step as it begins and ends; calls come from several threads."""

    def began(self, step: Step) -> Progress:
        """A step begins; what is returned is told about bytes."""

    def ended(self, step: Step, manifest: Manifest) -> None:
        """A step has ended well."""


watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
"""Prefect copies the context into its worker threads, so the display reaches them."""
