/*
summary    = "Choose the region that an expression refers to."
category   = "grounded_matching"
origin     = "derived"
role       = "train"
output     = "region_option"
metrics    = ["iou_accuracy"]
reference  = "descriptive_object_region_select"
*/
with

-- A few expressions an image: no image dominates, and the joins below stay small.
asked as (
    select
        *,
        regions[1] as box
    from instances.referring_expression_grounding
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- A crowd is many things, and a tiny box is easily told from the answer.
things as (
    select
        image_id,
        object_id,
        box
    from refcoco.objects
    where not crowd and visible(box)
),

-- Two boxes around nearly the same place would be the same option twice.
repeated as (
    select distinct
        later.image_id,
        later.object_id
    from things as later
    join things as earlier using (image_id)
    where earlier.object_id < later.object_id and iou(later.box, earlier.box) >= 0.95
),

wrong as (
    select
        asked.key,
        other.object_id,
        other.box
    from asked
    join things as other using (image_id)
    anti join repeated on other.image_id = repeated.image_id and other.object_id = repeated.object_id
    where asked.object_id <> other.object_id and iou(asked.box, other.box) < 0.5
    qualify rank_drawn(asked.key, other.object_id) <= 4
),

-- All boxes of one exercise in the order of their ids, so that the number of a region says nothing.
offered as (
    select
        key,
        object_id,
        box,
        false as answer
    from wrong
    union all
    select
        key,
        object_id,
        box,
        true as answer
    from asked
),

numbered as (
    select
        *,
        '<region_' || (row_number() over (partition by key order by object_id) - 1) || '>' as name
    from offered
)

select
    asked.key,
    asked.image_id,
    asked.split,
    list(numbered.box order by numbered.object_id) as regions,
    asked.text,
    list(numbered.name order by numbered.object_id) as options,
    list(asked.image_id || ':' || numbered.object_id order by numbered.object_id) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case when count(*) < 2 then 'too_few_distractors' end as rejected
from asked
join numbered using (key)
group by asked.key, asked.image_id, asked.split, asked.text
order by asked.key
