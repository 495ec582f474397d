-- As published: the caption of any other box of the picture is wrong, unless it says the same.
with

described as (
    select
        key,
        image_id,
        split,
        regions,
        target as caption,
        plain(target) as words
    from instances.grounded_captioning
),

asked as (
    select
        *,
        coin(key) as label
    from described
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

wrong as (
    select
        asked.key,
        other.key as other_key,
        other.caption
    from asked
    join described as other using (image_id)
    where not asked.label and asked.regions[1] <> other.regions[1] and asked.words <> other.words
    qualify rank_drawn(asked.key, other.key) = 1
)

select
    asked.key,
    asked.image_id,
    asked.split,
    asked.regions,
    case when asked.label then asked.caption else wrong.caption end as text,
    asked.label,
    case when asked.label then asked.key else wrong.other_key end as caption_key,
    case when not asked.label and wrong.key is null then 'no_wrong_caption' end as rejected
from asked
left join wrong using (key)
order by asked.key
