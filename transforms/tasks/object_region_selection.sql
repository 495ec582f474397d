/*
summary    = "Choose the region that shows a thing of a kind."
category   = "grounded_matching"
origin     = "derived"
role       = "train"
output     = "region_option"
metrics    = ["iou_accuracy"]
reference  = "object_region_selection"
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

-- The box of a horse shows its rider as well: it is no wrong answer to the question for a person.
-- Crowds and tiny things count here.
shows as (
    select distinct
        things.key as other_key,
        marked.name
    from things
    join mscoco.objects as marked using (image_id)
    where shared(things.box, marked.box) >= 0.5
),

-- Two boxes around nearly the same place would be the same option twice.
repeated as (
    select distinct later.key as other_key
    from things as later
    join things as earlier using (image_id)
    where earlier.key < later.key and iou(later.box, earlier.box) >= 0.95
),

other as (
    select
        asked.key,
        asked.name,
        other.key as other_key,
        other.box
    from asked
    join things as other using (image_id)
    where asked.name <> other.name
),

wrong as (
    select
        key,
        other_key,
        box
    from other
    anti join shows using (other_key, name)
    anti join repeated using (other_key)
    qualify rank_drawn(key, other_key) <= 4
),

-- All boxes of one exercise in the order of their keys, so that the number of a region says nothing.
offered as (
    select
        key,
        other_key,
        box,
        false as answer
    from wrong
    union all
    select
        key,
        key as other_key,
        box,
        true as answer
    from asked
),

numbered as (
    select
        *,
        '<region_' || (row_number() over (partition by key order by other_key) - 1) || '>' as name
    from offered
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    list(numbered.box order by numbered.other_key) as regions,
    asked.name as text,
    list(numbered.name order by numbered.other_key) as options,
    list(numbered.other_key order by numbered.other_key) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case when count(*) < 2 then 'too_few_distractors' end as rejected
from asked
join mscoco.pictures using (image_id)
join numbered using (key)
group by asked.key, asked.image_id, pictures.split, asked.name
order by asked.key
