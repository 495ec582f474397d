-- As published: the second thing is any other one, so that most pairs are of two kinds. Crowds, tiny
-- things and boxes of nearly the same place take part.
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

second as (
    select
        asked.key,
        other.key as other_key,
        other.box,
        other.name
    from asked
    join things as other using (image_id)
    where asked.key <> other.key
    qualify rank_drawn(asked.key, other.key) = 1
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    without_nulls([asked.box, second.box]) as regions,
    asked.name = second.name as label,
    second.other_key,
    case when second.key is null then 'no_second_thing' end as rejected
from asked
join mscoco.pictures using (image_id)
left join second using (key)
order by asked.key
