"""What stands under the help of a subcommand."""

from __future__ import annotations


def examples(*commands: str, then: str = "") -> str:
    """An epilog for typer: each command on a line of its own, so that it can be copied, then a text.

    `examples("multiinstruct audit", "multiinstruct audit --json")` is shown as a list of two.
    """
    heading = "Examples:" if len(commands) > 1 else "Example:"
    lines = [heading, "", *(f"- `{command}`" for command in commands)]
    if then:
        lines += ["", then]
    # Typer takes two line breaks for one; Markdown begins a paragraph after an empty line.
    return "\n\n".join(lines)
