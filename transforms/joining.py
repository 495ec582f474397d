"""Which images show one photograph, by the ids that publishers give: in COCO and on Flickr."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

MOST_COPIES: Final = 8
"""Images that one id may join. What more of them share is no id of a photograph but a value that stands
where none is known; it joins nothing. COCO, Visual Genome and Flickr30k make three of one photograph."""


class Claim(NamedTuple):
    """An image says which photograph it shows."""

    image_id: str
    kind: str
    number: int


class Joined(NamedTuple):
    """What came out.

    Attributes:
        pictures: the photograph of each image that has an id, by image: `coco:` with the smallest id in COCO
            that any of its copies has, else `flickr:` with the smallest on Flickr.
        ignored: how many images share each id that joins nothing, by id.
    """

    pictures: dict[str, str]
    ignored: dict[str, int]


def join(claims: Iterable[Claim]) -> Joined:
    """Joins images that share an id, in chains too: COCO to Visual Genome to Flickr30k.

    The order of the claims does not matter.
    """
    holders: dict[tuple[str, int], set[str]] = defaultdict(set)
    for claim in claims:
        if claim.number > 0:
            holders[claim.kind, claim.number].add(claim.image_id)
    ignored = {key: len(images) for key, images in sorted(holders.items()) if len(images) > MOST_COPIES}
    groups = _Groups()
    names: dict[str, tuple[str, int]] = {}
    kept = [(key, sorted(images)) for key, images in sorted(holders.items()) if key not in ignored]
    for _, images in kept:
        for image in images:
            groups.unite(images[0], image)
    # `coco` comes before `flickr`, and small numbers before large ones, so the first name stays.
    for key, images in kept:
        names.setdefault(groups.first(images[0]), key)
    pictures = {image: "{}:{}".format(*names[groups.first(image)]) for image in sorted(groups.members)}
    return Joined(pictures, {f"{kind}:{number}": count for (kind, number), count in ignored.items()})


class _Groups:
    """Disjoint sets; a chain of any length costs no more than its links."""

    def __init__(self) -> None:
        self.members: dict[str, str] = {}

    def first(self, name: str) -> str:
        """Who stands for the set."""
        above = self.members.setdefault(name, name)
        while above != self.members[above]:
            # Halving the path keeps the next walk short.
            self.members[name] = self.members[above]
            name = above
            above = self.members[name]
        return above

    def unite(self, one: str, other: str) -> None:
        """Makes one set of two."""
        low, high = sorted((self.first(one), self.first(other)))
        self.members[high] = low
