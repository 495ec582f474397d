-- As published: five regions are drawn once for a picture, and their captions are the options of all its
-- rows, beside the answer. They may lie where the answer lies.
with

asked as (
    select *
    from instances.grounded_captioning
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

offered as (
    select *
    from instances.grounded_captioning
    qualify rank_drawn('offered ' || image_id, key) <= 5
),

wrong as (
    select
        asked.key,
        other.key as other_key,
        other.target as caption
    from asked
    join offered as other using (image_id)
    where plain(asked.target) <> plain(other.target)
    qualify rank_drawn(asked.key || plain(other.target), other.key) = 1
)

select
    asked.key,
    asked.image_id,
    asked.split,
    asked.regions,
    list(wrong.caption order by wrong.other_key) || [asked.target] as options,
    list(wrong.other_key order by wrong.other_key) || [asked.key] as option_keys,
    asked.target,
    case when count(wrong.caption) < 2 then 'too_few_distractors' end as rejected
from asked
left join wrong using (key)
group by asked.key, asked.image_id, asked.split, asked.regions, asked.target
order by asked.key
