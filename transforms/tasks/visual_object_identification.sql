/*
summary    = "Name the thing that another one stands in a relation to."
category   = "visual_relationship"
origin     = "derived"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "visual_object_identification"
*/
with

-- A few relations an image: no image dominates.
asked as (
    select *
    from instances.visual_object_relationship
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- Two things of one name in the same relation to the same place are the same exercise twice.
counted as (
    select
        *,
        row_number() over (
            partition by image_id, regions[1], target, plain(object_name)
            order by key
        ) as copy
    from asked
)

select
    key,
    image_id,
    split,
    [regions[1]] as regions,
    target as relation,
    object_name as target,
    subject_name,
    case when copy > 1 then 'duplicate' end as rejected
from counted
order by key
