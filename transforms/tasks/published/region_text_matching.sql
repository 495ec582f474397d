-- As published: any other text of the picture is wrong, be it a part of what stands in the region.
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

asked as (
    select
        *,
        coin(key) as label
    from written
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

wrong as (
    select
        asked.key,
        other.key as other_key,
        other.text
    from asked
    join written as other using (image_id)
    where asked.words <> other.words
    qualify rank_drawn(asked.key, other.key) = 1
)

select
    asked.key,
    asked.image_id,
    asked.split,
    [asked.box] as regions,
    case when asked.label then asked.text else wrong.text end as text,
    asked.label,
    case when asked.label then asked.key else wrong.other_key end as text_key,
    case when not asked.label and wrong.key is null then 'no_wrong_text' end as rejected
from asked
left join wrong using (key)
order by asked.key
