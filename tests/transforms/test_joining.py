"""Which images the ids of publishers join to one photograph."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from transforms.joining import MOST_COPIES, Claim, join


def test_a_chain_joins_all_of_its_images() -> None:
    found = join(
        [
            Claim("coco:7", "coco", 7),
            Claim("vg:3", "coco", 7),
            Claim("vg:3", "flickr", 99),
            Claim("flickr30k:99", "flickr", 99),
            Claim("textvqa:a", "flickr", 98),
        ]
    )
    assert found.pictures == {
        **dict.fromkeys(("coco:7", "vg:3", "flickr30k:99"), "coco:7"),
        "textvqa:a": "flickr:98",
    }
    assert found.ignored == {}


def test_the_smallest_id_names_the_photograph() -> None:
    found = join(
        [Claim("a", "flickr", 5), Claim("a", "coco", 90), Claim("b", "coco", 8), Claim("b", "flickr", 5)]
    )
    assert found.pictures == {"a": "coco:8", "b": "coco:8"}


def test_a_value_that_stands_for_no_id_joins_nothing() -> None:
    pictures = [f"vg:{number}" for number in range(1_000)]
    claims = [Claim(name, "flickr", 4_294_967_295) for name in pictures]
    claims += [Claim(name, "flickr", 0) for name in pictures]
    claims += [Claim(name, "coco", -1) for name in pictures]
    claims += [Claim("vg:1", "coco", 12), Claim("coco:12", "coco", 12)]
    found = join(claims)
    assert found.pictures == {"vg:1": "coco:12", "coco:12": "coco:12"}
    assert found.ignored == {"flickr:4294967295": 1_000}


def test_as_many_copies_as_there_may_be() -> None:
    just = [Claim(f"a{number}", "coco", 1) for number in range(MOST_COPIES)]
    more = [Claim(f"b{number}", "coco", 2) for number in range(MOST_COPIES + 1)]
    found = join([*just, *more])
    assert set(found.pictures) == {claim.image_id for claim in just}
    assert found.ignored == {"coco:2": MOST_COPIES + 1}


def test_a_chain_without_end_costs_no_more_than_its_links() -> None:
    claims = [
        Claim(f"i{number}", kind, number + further)
        for number in range(1, 20_000)
        for kind, further in (("flickr", 0), ("flickr", 1))
    ]
    assert set(join(claims).pictures.values()) == {"flickr:1"}


CLAIMS = st.lists(
    st.builds(Claim, st.sampled_from("abcdefghij"), st.sampled_from(("coco", "flickr")), st.integers(-1, 6)),
    max_size=16,
)


@given(claims=CLAIMS, seed=st.integers(0, 99))
def test_components_whatever_the_order(claims: list[Claim], seed: int) -> None:
    found = join(claims)
    shuffled = [*claims, *claims]
    random.Random(seed).shuffle(shuffled)
    assert join(shuffled) == found
    kept = [
        claim for claim in claims if claim.number > 0 and f"{claim.kind}:{claim.number}" not in found.ignored
    ]
    assert set(found.pictures) == {claim.image_id for claim in kept}
    together = {name: {name} for name in found.pictures}
    for _ in together:
        for one in kept:
            for other in kept:
                if one[1:] == other[1:]:
                    together[one.image_id] |= together[other.image_id]
    for name, group in together.items():
        assert group == {other for other in together if found.pictures[other] == found.pictures[name]}
        ids = sorted((claim.kind, claim.number) for claim in kept if claim.image_id in group)
        assert found.pictures[name] == "{}:{}".format(*ids[0])
