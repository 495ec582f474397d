/*
summary    = "Say whether two regions overlap."
category   = "region_understanding"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "if_region_overlap"
balance    = true
*/
with

-- A few places an image are asked about, so that no image dominates; eight more are enough to
-- choose from, and keep the joins small.
drawn as (
    select
        key,
        image_id,
        split,
        regions[1] as box,
        rank_drawn(image_id, key) as place
    from instances.grounded_captioning
    where visible(regions[1])
    qualify place - 8 <= getvariable('per_image')
),

-- Boxes that are nearly the same are one place. The first drawn stands for it.
repeated as (
    select distinct later.key
    from drawn as later
    join drawn as earlier using (image_id)
    where earlier.place < later.place and iou(later.box, earlier.box) > 0.95
),

places as (
    select *
    from drawn
    anti join repeated using (key)
),

asked as (
    select
        *,
        coin(key) as label
    from places
    where place <= getvariable('per_image')
),

-- A touch of less than a twentieth of the smaller box could be taken either way: it is never used.
other as (
    select
        asked.key,
        other.key as other_key,
        other.box,
        overlap(asked.box, other.box) as common
    from asked
    join places as other using (image_id)
    where
        asked.key <> other.key
        and (overlap(asked.box, other.box) = 0 or shared(asked.box, other.box) >= 0.05)
),

-- One of either kind. A region that has one kind only is left out: else its looks tell its answer.
second as (
    select
        *,
        common > 0 as touching
    from other
    qualify rank_drawn(key || ':' || touching, other_key) = 1
),

both_kinds as (
    select key
    from second
    group by key
    having count(*) = 2
),

chosen as (
    select second.*
    from second
    join asked using (key)
    semi join both_kinds using (key)
    where second.touching = asked.label
),

-- The same two regions the other way round are no other exercise.
counted as (
    select
        *,
        row_number() over (
            partition by least(key, other_key), greatest(key, other_key)
            order by key
        ) as copy
    from chosen
)

select
    asked.key,
    asked.image_id,
    asked.split,
    without_nulls([asked.box, counted.box]) as regions,
    asked.label,
    counted.other_key,
    case
        when counted.key is null then 'one_kind_only'
        when counted.copy > 1 then 'duplicate'
    end as rejected
from asked
left join counted using (key)
order by asked.key
