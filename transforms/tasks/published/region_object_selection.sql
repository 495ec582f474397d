-- As published: two to four things are drawn beside the two regions, and their kinds are the options. A kind
-- is there if one of the regions is marked as one of it. Where several are, no single option is right.
with

things as (
    select
        image_id || ':' || object_id as key,
        image_id,
        box,
        name
    from mscoco.objects
    qualify count(*) over (partition by image_id) >= 4
),

asked as (
    select *
    from things
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

pairs as (
    select
        asked.key,
        asked.image_id,
        asked.name,
        asked.box,
        other.key as second_key,
        other.name as second_name,
        other.box as second_box
    from asked
    join things as other using (image_id)
    where asked.key <> other.key
    qualify rank_drawn(asked.key, other.key) = 1
),

-- A third of the lots lies below 55, a third from there to aa.
drawn as (
    select
        pairs.key,
        things.name,
        things.name in (pairs.name, pairs.second_name) as present
    from pairs
    join things using (image_id)
    qualify
        rank_drawn('options of ' || pairs.key, things.key)
        <= case
            when draw(pairs.key, 'how many') < '55' then 2
            when draw(pairs.key, 'how many') < 'aa' then 3
            else 4
        end
),

posed as (
    select
        key,
        list(distinct name order by name) as names,
        count(distinct name) filter (where present) as present,
        max(name) filter (where present) as present_name
    from drawn
    group by key
)

select
    pairs.key,
    pairs.image_id,
    pictures.split,
    [pairs.box, pairs.second_box] as regions,
    posed.names || ['None'] as options,
    coalesce(posed.present_name, 'None') as target,
    pairs.second_key,
    case when posed.present > 1 then 'several_options' end as rejected
from pairs
join mscoco.pictures using (image_id)
join posed using (key)
order by pairs.key
