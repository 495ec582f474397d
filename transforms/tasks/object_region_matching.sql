/*
summary    = "Say whether a region shows a thing of a kind."
category   = "grounded_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "object_region_match"
balance    = true
*/
with

-- A few things an image: no image dominates, and the join below stays small. A crowd is many things,
-- and of a tiny box nobody can tell what it holds.
asked as (
    select
        image_id || ':' || object_id as key,
        image_id,
        box,
        name,
        coin(key) as label
    from mscoco.objects
    where not crowd and visible(box)
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- A kind that the image shows elsewhere. None of its things, crowds and tiny ones included, may reach
-- into the region: then the region would show it as well.
absent as (
    select
        asked.key,
        marked.name
    from asked
    join mscoco.objects as marked using (image_id)
    group by asked.key, marked.name
    having max(shared(asked.box, marked.box)) < 0.1
    qualify rank_drawn(asked.key, marked.name) = 1
)

-- A region that shows every kind is left out of both answers: else its looks tell its answer.
select
    asked.key,
    asked.image_id,
    pictures.split,
    [asked.box] as regions,
    case when asked.label then asked.name else absent.name end as text,
    asked.label,
    case when absent.key is null then 'no_absent_kind' end as rejected
from asked
join mscoco.pictures using (image_id)
left join absent using (key)
order by asked.key
