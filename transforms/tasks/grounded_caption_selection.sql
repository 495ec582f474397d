/*
summary    = "Choose the caption that describes a region."
category   = "grounded_matching"
origin     = "derived"
confidence = "certain"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "GC_selection"
*/
with

-- A few regions an image: no image dominates, and the join below stays small.
asked as (
    select *
    from instances.grounded_captioning
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- A score of regions an image is enough to find wrong captions among, and keeps the join small.
offered as (
    select *
    from instances.grounded_captioning
    qualify rank_drawn('offered ' || image_id, key) <= 20
),

-- Captions of other places in the same image. Nearly the same place may carry a caption that is
-- true as well. Of captions with the same words, one is enough.
other as (
    select
        asked.key,
        other.key as other_key,
        other.target as caption
    from asked
    join offered as other using (image_id)
    where
        iou(asked.regions[1], other.regions[1]) < 0.5
        and plain(asked.target) <> plain(other.target)
    qualify rank_drawn(asked.key || plain(other.target), other.key) = 1
),

wrong as (
    select *
    from other
    qualify rank_drawn(key, other_key) <= 4
)

select
    asked.key,
    asked.image_id,
    asked.split,
    asked.regions,
    list(wrong.caption order by wrong.other_key) || [asked.target] as options,
    list(wrong.other_key order by wrong.other_key) || [asked.key] as option_keys,
    asked.target,
    case when count(wrong.caption) < 4 then 'too_few_distractors' end as rejected
from asked
left join wrong using (key)
group by asked.key, asked.image_id, asked.split, asked.regions, asked.target
order by asked.key
