/*
summary    = "Say whether a text describes a region."
category   = "grounded_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "region_caption_match"
balance    = true
*/
with

-- A few regions an image are asked about, so that no image dominates; six more are enough to find a
-- wrong caption among, and keep the joins small.
drawn as (
    select
        key,
        image_id,
        split,
        regions,
        target as caption,
        plain(target) as words,
        rank_drawn(image_id, key) as place
    from instances.grounded_captioning
    qualify place - 6 <= getvariable('per_image')
),

asked as (
    select
        *,
        coin(key) as label
    from drawn
    where place <= getvariable('per_image')
),

other as (
    select
        asked.key,
        asked.image_id,
        asked.regions,
        other.key as other_key,
        other.caption,
        other.words
    from asked
    join drawn as other using (image_id)
    where iou(asked.regions[1], other.regions[1]) < 0.1 and asked.words <> other.words
),

-- Words that somebody said of a place near by may be true of this one too. All regions count here.
said as (
    select
        image_id,
        regions,
        plain(target) as words
    from instances.grounded_captioning
),

perhaps_true as (
    select distinct
        other.key,
        other.other_key
    from other
    join said using (image_id, words)
    where iou(other.regions[1], said.regions[1]) >= 0.1
),

wrong as (
    select
        key,
        other_key,
        caption
    from other
    anti join perhaps_true using (key, other_key)
    qualify rank_drawn(key, other_key) = 1
)

-- A region that no caption would be wrong of is left out of both answers: else its looks tell its answer.
select
    asked.key,
    asked.image_id,
    asked.split,
    asked.regions,
    case when asked.label then asked.caption else wrong.caption end as text,
    asked.label,
    case when asked.label then asked.key else wrong.other_key end as caption_key,
    case when wrong.key is null then 'no_wrong_caption' end as rejected
from asked
left join wrong using (key)
order by asked.key
