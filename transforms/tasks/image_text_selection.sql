/*
summary    = "Choose the text that describes the picture."
category   = "image_text_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "image_text_selection"
*/
with

-- All captions of a split in drawn order: an exercise takes its wrong options from those that follow
-- its own. So nothing is compared with everything.
placed as (
    select
        key,
        image_id,
        picture_id,
        split,
        target,
        plain(target) as words,
        rank_drawn(split, key) as place,
        count(*) over (partition by split) as places
    from instances.image_captioning
),

-- A photograph and a wording go by the place of their first caption: numbers are compared faster.
numbered as (
    select
        *,
        min(place) over (partition by split, picture_id) as photograph,
        min(place) over (partition by split, words) as wording
    from placed
),

-- A few captions an image: no image dominates.
asked as (
    select *
    from numbered
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- Eight that follow are enough to find four of four photographs among.
following as (
    select
        split,
        place,
        places,
        photograph,
        unnest(range(8)) as step
    from asked
),

other as (
    select
        following.split,
        following.place,
        following.photograph,
        following.step,
        other.place as other_place,
        other.photograph as other_photograph,
        other.wording
    from following
    join numbered as other
        on
            following.split = other.split
            and (following.place + following.step) % following.places + 1 = other.place
    where following.photograph <> other.photograph
),

-- What one of the captions of this photograph says is not wrong. Of one photograph and of the same
-- words, one caption is enough.
suitable as (
    select *
    from other
    anti join numbered using (split, photograph, wording)
    qualify
        row_number() over (partition by split, place, other_photograph order by step) = 1
        and row_number() over (partition by split, place, wording order by step) = 1
),

chosen as (
    select
        split,
        place,
        other_place
    from suitable
    qualify row_number() over (partition by split, place order by step) <= 4
),

wrong as (
    select
        chosen.split,
        chosen.place,
        placed.key as other_key,
        placed.target as caption
    from chosen
    join placed on chosen.split = placed.split and chosen.other_place = placed.place
)

select
    asked.key,
    asked.image_id,
    asked.split,
    list(wrong.caption order by wrong.other_key) || [asked.target] as options,
    list(wrong.other_key order by wrong.other_key) || [asked.key] as option_keys,
    asked.target,
    case when count(wrong.caption) < 4 then 'too_few_distractors' end as rejected
from asked
left join wrong using (split, place)
group by asked.key, asked.image_id, asked.split, asked.target
order by asked.key
