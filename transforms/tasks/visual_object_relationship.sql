/*
summary    = "Say how one thing in the picture stands to another."
category   = "visual_relationship"
origin     = "existing"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "object_relationship"
*/
with

-- The publisher writes "ON" and "on" for the same relation.
said as (
    select
        image_id || ':' || relation_id as key,
        image_id,
        subject_box,
        object_box,
        subject_name,
        object_name,
        lower(predicate) as relation_said
    from visual_genome.relations
),

-- The same relation of the same two places would be the same exercise twice.
counted as (
    select
        *,
        row_number() over (
            partition by image_id, subject_box, object_box, relation_said
            order by key
        ) as copy
    from said
)

select
    counted.key,
    counted.image_id,
    pictures.split,
    [counted.subject_box, counted.object_box] as regions,
    counted.relation_said as target,
    counted.subject_name,
    counted.object_name,
    case
        when counted.subject_box = counted.object_box then 'same_place'
        when counted.copy > 1 then 'duplicate'
    end as rejected
from counted
join visual_genome.pictures using (image_id)
order by counted.key
