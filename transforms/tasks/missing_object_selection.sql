/*
summary    = "Choose the kind of thing that neither of two regions shows."
category   = "grounded_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "missing_object_selection"
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
    qualify rank_drawn(pairs.key, marked.name) = 1
),

-- Two kinds and None, so that the number of options says nothing: both kinds are there in one of
-- three exercises (55 is a third of the lots), else one of them is missing.
posed as (
    select
        pairs.*,
        missing.name as missing_name,
        case when coin(pairs.key) then pairs.name else pairs.second_name end as present_name,
        draw(pairs.key, 'none missing') < '55' as none_missing
    from pairs
    left join missing using (key)
)

-- Whether something could be missing is asked of every row: else None would go with its own pictures.
select
    asked.key,
    asked.image_id,
    pictures.split,
    without_nulls([asked.box, posed.second_box]) as regions,
    case
        when posed.none_missing then [posed.name, posed.second_name, 'None']
        else [posed.present_name, posed.missing_name, 'None']
    end as options,
    case when posed.none_missing then 'None' else posed.missing_name end as target,
    posed.second_key,
    case
        when posed.key is null then 'no_second_thing'
        when posed.missing_name is null then 'nothing_missing'
    end as rejected
from asked
join mscoco.pictures using (image_id)
left join posed using (key)
order by asked.key
