-- As published: the boxes of all things of other kinds are options.
with

things as (
    select
        image_id || ':' || object_id as key,
        image_id,
        box,
        name
    from mscoco.objects
),

asked as (
    select *
    from things
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- All boxes of one exercise in the order of their keys, so that the number of a region says nothing.
numbered as (
    select
        asked.key,
        other.key as other_key,
        other.box,
        asked.key = other.key as answer,
        '<region_' || (row_number() over (partition by asked.key order by other.key) - 1) || '>' as name
    from asked
    join things as other using (image_id)
    where asked.key = other.key or asked.name <> other.name
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    list(numbered.box order by numbered.other_key) as regions,
    asked.name as text,
    list(numbered.name order by numbered.other_key) as options,
    list(numbered.other_key order by numbered.other_key) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case when count(*) < 2 then 'too_few_distractors' end as rejected
from asked
join mscoco.pictures using (image_id)
join numbered using (key)
group by asked.key, asked.image_id, pictures.split, asked.name
order by asked.key
