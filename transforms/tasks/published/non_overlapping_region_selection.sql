-- As published: tiny regions take part, and the slightest touch is an overlap.
with

places as (
    select
        key,
        image_id,
        split,
        regions[1] as box
    from instances.grounded_captioning
    qualify count(*) over (partition by image_id) > 3
),

asked as (
    select *
    from places
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- Overlap is measured in pixels that both regions cover.
other as (
    select
        asked.key,
        other.key as other_key,
        other.box,
        overlap(asked.box, other.box) as common
    from asked
    join places as other using (image_id)
    where asked.box <> other.box
),

-- One right answer and up to three wrong ones.
offered as (
    select
        *,
        common = 0 as answer
    from other
    qualify rank_drawn(key || ':' || answer, other_key) <= case when answer then 1 else 3 end
),

-- The given region has number 0. The others follow in the order of their keys, so that the number of
-- a region says nothing.
numbered as (
    select
        *,
        '<region_' || row_number() over (partition by key order by other_key) || '>' as name
    from offered
)

select
    asked.key,
    asked.image_id,
    asked.split,
    without_nulls([asked.box] || list(numbered.box order by numbered.other_key)) as regions,
    list(numbered.name order by numbered.other_key) as options,
    list(numbered.other_key order by numbered.other_key) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case
        when count(*) filter (where numbered.answer) = 0 then 'everything_overlaps'
        when count(*) < 2 then 'too_few_distractors'
    end as rejected
from asked
left join numbered using (key)
group by asked.key, asked.image_id, asked.split, asked.box
order by asked.key
