-- As published: five regions are drawn once for a picture, and are the options of all its rows, beside the
-- answer. They may overlap.
with

asked as (
    select *
    from instances.visual_grounding
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

drawn as (
    select *
    from instances.visual_grounding
    qualify rank_drawn('offered ' || image_id, key) <= 5
),

-- Of one box, one region is enough.
wrong as (
    select
        asked.key,
        other.key as other_key,
        other.regions[1] as box
    from asked
    join drawn as other using (image_id)
    where asked.regions[1] <> other.regions[1]
    qualify row_number() over (partition by asked.key, other.regions[1] order by other.key) = 1
),

offered as (
    select
        *,
        false as answer
    from wrong
    union all
    select
        key,
        key as other_key,
        regions[1] as box,
        true as answer
    from asked
),

-- All boxes of one exercise in the order of their keys, so that the number of a region says nothing.
numbered as (
    select
        *,
        '<region_' || (row_number() over (partition by key order by other_key) - 1) || '>' as name
    from offered
)

select
    asked.key,
    asked.image_id,
    asked.split,
    list(numbered.box order by numbered.other_key) as regions,
    asked.text,
    list(numbered.name order by numbered.other_key) as options,
    list(numbered.other_key order by numbered.other_key) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case when count(*) < 3 then 'too_few_distractors' end as rejected
from asked
join numbered using (key)
group by asked.key, asked.image_id, asked.split, asked.text
order by asked.key
