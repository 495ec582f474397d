/*
summary    = "Find all things of one kind."
category   = "grounded_generation"
origin     = "derived"
role       = "train"
output     = "regions"
metrics    = ["iou"]
reference  = "region_generation"
*/
with

-- A box that is marked twice is one answer.
marked as (
    select distinct
        image_id,
        name,
        box,
        crowd
    from mscoco.objects
),

-- All boxes of one kind in an image make one exercise, from top to bottom, then from left to right.
grouped as (
    select
        image_id || ':' || name as key,
        image_id,
        name,
        list(box order by box['y0'], box['x0'], box['y1'], box['x1']) as regions,
        bool_or(crowd) as crowded
    from marked
    group by image_id, name
),

-- A few kinds an image: no image dominates.
asked as (
    select *
    from grouped
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
)

-- A crowd is one box around many things that have no box of their own: the answer would lack them.
select
    asked.key,
    asked.image_id,
    pictures.split,
    asked.regions,
    asked.name as text,
    array_to_string(
        list_transform(range(len(asked.regions)), lambda number: '<region_' || number || '>'), ' '
    ) as target,
    case
        when asked.crowded then 'crowd'
        when len(asked.regions) > 10 then 'too_many_regions'
    end as rejected
from asked
join mscoco.pictures using (image_id)
order by asked.key
