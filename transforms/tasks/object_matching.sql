/*
summary    = "Say whether two things are of one kind."
category   = "grounded_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "object_match"
balance    = true
*/
with

-- A crowd is many things, and of a tiny box nobody can tell what it holds.
things as (
    select
        image_id || ':' || object_id as key,
        image_id,
        box,
        name
    from mscoco.objects
    where not crowd and visible(box)
),

-- A few things an image: no image dominates. The answer is drawn first and the second thing to suit
-- it: most pairs of things are of two kinds.
asked as (
    select
        *,
        coin(key) as label
    from things
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- Boxes of nearly the same place would show one thing twice.
second as (
    select
        asked.key,
        other.key as other_key,
        other.box
    from asked
    join things as other using (image_id)
    where
        asked.key <> other.key
        and (asked.name = other.name) = asked.label
        and iou(asked.box, other.box) < 0.5
    qualify rank_drawn(asked.key, other.key) = 1
),

-- The same two things the other way round are no other exercise.
counted as (
    select
        *,
        row_number() over (
            partition by least(key, other_key), greatest(key, other_key)
            order by key
        ) as copy
    from second
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    without_nulls([asked.box, counted.box]) as regions,
    asked.label,
    counted.other_key,
    case
        when counted.key is null then 'no_second_thing'
        when counted.copy > 1 then 'duplicate'
    end as rejected
from asked
join mscoco.pictures using (image_id)
left join counted using (key)
order by asked.key
