/*
summary    = "Name the thing that stands in a relation to another one."
category   = "visual_relationship"
origin     = "derived"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "visual_subject_identification"
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
            partition by image_id, regions[2], target, plain(subject_name)
            order by key
        ) as copy
    from asked
)

select
    key,
    image_id,
    split,
    [regions[2]] as regions,
    target as relation,
    subject_name as target,
    object_name,
    case when copy > 1 then 'duplicate' end as rejected
from counted
order by key
