/*
summary    = "Say whether a text is what is written in a region."
category   = "grounded_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "region_text_match"
balance    = true
*/
with

-- The box of a text is the region that is its answer; lists count from 1.
written as (
    select
        key,
        image_id,
        split,
        text,
        plain(text) as words,
        regions[regexp_extract(target, '\d+')::integer + 1] as box
    from instances.text_localization
),

-- A few texts an image: no image dominates.
asked as (
    select
        *,
        coin(key) as label
    from written
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- A part of what is written there is not wrong.
wrong as (
    select
        asked.key,
        other.key as other_key,
        other.text
    from asked
    join written as other using (image_id)
    where
        not contains(asked.words, other.words)
        and not contains(other.words, asked.words)
        and overlap(asked.box, other.box) = 0
    qualify rank_drawn(asked.key, other.key) = 1
)

-- A region that no text would be wrong of is left out of both answers: else its looks tell its answer.
select
    asked.key,
    asked.image_id,
    asked.split,
    [asked.box] as regions,
    case when asked.label then asked.text else wrong.text end as text,
    asked.label,
    case when asked.label then asked.key else wrong.other_key end as text_key,
    case when wrong.key is null then 'no_wrong_text' end as rejected
from asked
left join wrong using (key)
order by asked.key
