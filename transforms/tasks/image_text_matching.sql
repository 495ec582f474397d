/*
summary    = "Say whether a text describes the picture."
category   = "image_text_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "ITM"
balance    = true
*/
with

-- All captions of a split in drawn order: whoever needs a wrong one takes the next that will do. So
-- nothing is compared with everything.
placed as (
    select
        key,
        image_id,
        picture_id,
        split,
        target as caption,
        plain(target) as words,
        rank_drawn(split, key) as place,
        count(*) over (partition by split) as places
    from instances.image_captioning
),

-- A few captions an image: no image dominates.
asked as (
    select
        *,
        coin(key) as label
    from placed
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- A few that follow are enough to find a wrong one among.
following as (
    select
        *,
        unnest(range(8)) as step
    from asked
    where not label
),

other as (
    select
        following.key,
        following.picture_id,
        following.step,
        other.key as other_key,
        other.caption,
        other.words
    from following
    join placed as other
        on
            following.split = other.split
            and (following.place + following.step) % following.places + 1 = other.place
    where following.picture_id <> other.picture_id
),

-- What one of the captions of this photograph says is not wrong.
wrong as (
    select
        key,
        other_key,
        caption
    from other
    anti join placed using (picture_id, words)
    qualify row_number() over (partition by key order by step) = 1
)

select
    asked.key,
    asked.image_id,
    asked.split,
    case when asked.label then asked.caption else wrong.caption end as text,
    asked.label,
    case when asked.label then asked.key else wrong.other_key end as caption_key,
    case when not asked.label and wrong.key is null then 'no_wrong_caption' end as rejected
from asked
left join wrong using (key)
order by asked.key
