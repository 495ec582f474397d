"""Whether the instances of a task have everything that its instructions show."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from instructions.load import TaskInstructions
from instructions.render import OptionsSlot, RegionSlot
from schemas.errors import BuildError


def check_shown(instructions: TaskInstructions, instances: Path) -> None:
    """Raises an error if an instruction shows a slot, options or a region that a row does not have.

    Args:
        instances: `data/instances.parquet` of the task.
    """
    table = pq.read_table(instances, columns=["options", "regions"])
    columns = pq.read_schema(instances).names
    fewest = pc.min(pc.list_value_length(table["regions"])).as_py()
    for slot in instructions.wordings[0].slots:
        if isinstance(slot, RegionSlot):
            missing = fewest is not None and slot.index >= fewest
        elif isinstance(slot, OptionsSlot):
            missing = table["options"].null_count > 0
        else:
            missing = slot.name not in columns
        if missing:
            raise BuildError(
                "an instruction shows what the task does not have",
                where=f"instructions of {instructions.task}",
                got=slot.name,
                expected=", ".join(columns),
                next_step="return the column from the task's query, or take the slot out of the instructions",
            )
