/*
summary    = "Name the thing in a region."
category   = "grounded_generation"
origin     = "derived"
role       = "train"
output     = "text"
metrics    = ["rouge_l", "accuracy"]
reference  = "object_grounding"
*/
with

marked as (
    select
        *,
        image_id || ':' || object_id as key
    from mscoco.objects
),

-- A few things an image: no image dominates. A crowd is many things, and of a tiny box nobody can
-- tell what it holds.
asked as (
    select *
    from marked
    where not crowd and visible(box)
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- A table that fills the picture and a pizza that fills it too have the same box: either name is right.
twins as (
    select
        asked.key,
        bool_or(asked.name <> other.name) as other_name,
        bool_or(asked.key > other.key) as earlier
    from asked
    join marked as other using (image_id)
    where asked.key <> other.key and iou(asked.box, other.box) > 0.95
    group by asked.key
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    [asked.box] as regions,
    asked.name as target,
    case
        when twins.other_name then 'several_answers'
        when twins.earlier then 'duplicate'
    end as rejected
from asked
join mscoco.pictures using (image_id)
left join twins using (key)
order by asked.key
