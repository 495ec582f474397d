-- As published: the boxes of all things of the picture are options.
with

asked as (
    select *
    from instances.referring_expression_grounding
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

offered as (
    select
        asked.key,
        objects.object_id,
        objects.box,
        false as answer
    from asked
    join refcoco.objects using (image_id)
    where asked.object_id <> objects.object_id
    union all
    select
        key,
        object_id,
        regions[1] as box,
        true as answer
    from asked
),

-- All boxes of one exercise in the order of their ids, so that the number of a region says nothing.
numbered as (
    select
        *,
        '<region_' || (row_number() over (partition by key order by object_id) - 1) || '>' as name
    from offered
)

select
    asked.key,
    asked.image_id,
    asked.split,
    list(numbered.box order by numbered.object_id) as regions,
    asked.text,
    list(numbered.name order by numbered.object_id) as options,
    list(asked.image_id || ':' || numbered.object_id order by numbered.object_id) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case when count(*) < 2 then 'too_few_distractors' end as rejected
from asked
join numbered using (key)
group by asked.key, asked.image_id, asked.split, asked.text
order by asked.key
