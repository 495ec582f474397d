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

-- One of either kind: a picture that has one kind only is not asked about.
second as (
    select
        *,
        common > 0 as touching
    from other
    qualify rank_drawn(key || ':' || touching, other_key) = 1
),

both_kinds as (
    select key
    from second
    group by key
    having count(*) = 2
),

chosen as (
    select second.*
    from second
    semi join both_kinds using (key)
    where second.touching = coin(second.key)
)

select
    asked.key,
    asked.image_id,
    asked.split,
    without_nulls([asked.box, chosen.box]) as regions,
    coin(asked.key) as label,
    chosen.other_key,
    case when chosen.key is null then 'one_kind_only' end as rejected
from asked
left join chosen using (key)
order by asked.key
