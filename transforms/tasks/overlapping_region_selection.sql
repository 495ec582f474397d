/*
summary    = "Choose the region that overlaps with a given one."
category   = "region_understanding"
origin     = "derived"
role       = "train"
output     = "region_option"
metrics    = ["iou_accuracy"]
reference  = "select_overlaped_region"
*/
with

-- A few places an image are asked about, so that no image dominates; eight more are enough to
-- choose from, and keep the joins small.
drawn as (
    select
        key,
        image_id,
        split,
        regions[1] as box,
        rank_drawn(image_id, key) as place
    from instances.grounded_captioning
    where visible(regions[1])
    qualify place - 8 <= getvariable('per_image')
),

-- Boxes that are nearly the same are one place. The first drawn stands for it.
repeated as (
    select distinct later.key
    from drawn as later
    join drawn as earlier using (image_id)
    where earlier.place < later.place and iou(later.box, earlier.box) > 0.95
),

places as (
    select *
    from drawn
    anti join repeated using (key)
),

asked as (
    select *
    from places
    where place <= getvariable('per_image')
),

-- A touch of less than a twentieth of the smaller box could be taken either way: it is never used.
other as (
    select
        asked.key,
        other.key as other_key,
        other.box,
        overlap(asked.box, other.box) as common
    from asked
    join places as other using (image_id)
    where
        asked.key <> other.key
        and (overlap(asked.box, other.box) = 0 or shared(asked.box, other.box) >= 0.05)
),

-- One right answer and up to three wrong ones.
offered as (
    select
        *,
        common > 0 as answer
    from other
    qualify rank_drawn(key || ':' || answer, other_key) <= case when answer then 1 else 3 end
),

-- The given region has number 0. The others follow in the order of their keys, so that the number of
-- a region says nothing.
numbered as (
    select
        *,
        '<region_' || row_number() over (partition by key order by other_key) || '>' as name
    from offered
)

select
    asked.key,
    asked.image_id,
    asked.split,
    without_nulls([asked.box] || list(numbered.box order by numbered.other_key)) as regions,
    list(numbered.name order by numbered.other_key) as options,
    list(numbered.other_key order by numbered.other_key) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case
        when count(*) filter (where numbered.answer) = 0 then 'no_overlap'
        when count(*) < 2 then 'too_few_distractors'
    end as rejected
from asked
left join numbered using (key)
group by asked.key, asked.image_id, asked.split, asked.box
order by asked.key
