"""Sample files of one source, beside those of Visual Genome from which it borrows, read to tables."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.transforms.source_tables import Tables
from transforms import registry
from transforms.mirror import Mirror


def sample_tables(source: str, folder: Path, scale: float) -> Tables:
    """The tables of a source in the sample world of seed 0.

    Args:
        folder: for the files and the tables.
    """
    for name in ("visual_genome", source):
        import_module(f"sample_world.formats.{name}").write(folder / "mirror", 0, scale)
    return Tables(registry.reader(source), record_files(source, folder / "mirror"), folder / "tables")


def record_files(source: str, mirror: Path) -> dict[str, Path]:
    """Where the files that a source reads lie in a mirror, own and borrowed, by parameter name."""
    declared = registry.declaration(source)
    places = {name: (source, name) for name in declared.files}
    places |= {name: (of[: of.index(".")], of[of.index(".") + 1 :]) for name, of in declared.borrows.items()}
    found = {}
    for name, (owner, file) in places.items():
        path = Mirror(str(mirror)).local_path(registry.declaration(owner).files[file].urls[0])
        assert path is not None
        found[name] = path
    return found
