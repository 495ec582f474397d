/*
summary    = "Find the thing that another one stands in a relation to."
category   = "visual_relationship"
origin     = "derived"
role       = "train"
output     = "region"
metrics    = ["iou"]
reference  = "visual_object_region"
*/
with

-- A few relations an image: no image dominates, and the join below stays small.
asked as (
    select *
    from instances.visual_object_relationship
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- Who holds two things is asked in vain for the one thing held. All relations of the image count
-- here, those too that are not asked. Nearly the same subject box is the same subject.
ambiguous as (
    select distinct asked.key
    from asked
    join instances.visual_object_relationship as other using (image_id, target)
    where
        iou(asked.regions[1], other.regions[1]) > 0.95
        and asked.regions[2] <> other.regions[2]
)

select
    asked.key,
    asked.image_id,
    asked.split,
    asked.regions,
    asked.target as relation,
    '<region_1>' as target,
    asked.subject_name,
    asked.object_name,
    case when ambiguous.key is not null then 'several_answers' end as rejected
from asked
left join ambiguous using (key)
order by asked.key
