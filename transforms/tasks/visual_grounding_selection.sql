/*
summary    = "Choose the region that a text describes."
category   = "grounded_matching"
origin     = "derived"
confidence = "certain"
role       = "train"
output     = "region_option"
metrics    = ["iou_accuracy"]
reference  = "VG_selection"
*/
with

-- A few texts an image: no image dominates, and the joins below stay small.
asked as (
    select *
    from instances.visual_grounding
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- A score of places an image is enough to find wrong ones among, and keeps the join small.
drawn as (
    select *
    from instances.visual_grounding
    qualify rank_drawn('offered ' || image_id, key) <= 20
),

-- Other places of the image. A dozen is enough to find four from, and keeps the next join small.
other as (
    select
        asked.key,
        other.key as other_key,
        other.regions[1] as box,
        rank_drawn(asked.key, other.key) as place
    from asked
    join drawn as other using (image_id)
    where iou(asked.regions[1], other.regions[1]) < 0.5
    qualify place <= 12
),

-- Two boxes around nearly the same place would be the same option twice.
repeated as (
    select distinct
        later.key,
        later.other_key
    from other as later
    join other as earlier using (key)
    where earlier.place < later.place and iou(later.box, earlier.box) >= 0.95
),

wrong as (
    select *
    from other
    anti join repeated using (key, other_key)
    qualify row_number() over (partition by key order by place) <= 4
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
        regions[1] as box,
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
    asked.split,
    list(numbered.box order by numbered.other_key) as regions,
    asked.text,
    list(numbered.name order by numbered.other_key) as options,
    list(numbered.other_key order by numbered.other_key) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case when count(*) < 5 then 'too_few_distractors' end as rejected
from asked
join numbered using (key)
group by asked.key, asked.image_id, asked.split, asked.text
order by asked.key
