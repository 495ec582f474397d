/*
summary    = "Choose the kind of thing that one of two regions shows."
category   = "grounded_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "region_object_selection"
extra      = true
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

-- A few things an image: no image dominates, and the joins below stay small.
asked as (
    select *
    from things
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- The second region shows something else in another place.
pairs as (
    select
        asked.key,
        asked.image_id,
        asked.name,
        asked.box,
        other.key as second_key,
        other.name as second_name,
        other.box as second_box
    from asked
    join things as other using (image_id)
    where asked.name <> other.name and iou(asked.box, other.box) < 0.5
    qualify rank_drawn(asked.key, other.key) = 1
),

-- A kind is missing if none of its things, crowds and tiny ones included, reaches into a region.
missing as (
    select
        pairs.key,
        marked.name
    from pairs
    join mscoco.objects as marked using (image_id)
    group by pairs.key, marked.name
    having max(greatest(shared(pairs.box, marked.box), shared(pairs.second_box, marked.box))) < 0.1
    qualify rank_drawn(pairs.key, marked.name) <= 3
),

wrong as (
    select
        key,
        list(name order by name) as names
    from missing
    group by key
),

posed as (
    select
        pairs.*,
        wrong.names,
        case when coin(pairs.key) then pairs.name else pairs.second_name end as present_name
    from pairs
    left join wrong using (key)
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    without_nulls([asked.box, posed.second_box]) as regions,
    coalesce(posed.names, []) || [posed.present_name] as options,
    posed.present_name as target,
    posed.second_key,
    case
        when posed.key is null then 'no_second_thing'
        when posed.names is null then 'nothing_missing'
    end as rejected
from asked
join mscoco.pictures using (image_id)
left join posed using (key)
order by asked.key
