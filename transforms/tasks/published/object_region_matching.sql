-- As published: crowds and tiny things take part, and a kind is absent if none of its things lies in the
-- region for the most part.
with

asked as (
    select
        image_id || ':' || object_id as key,
        image_id,
        box,
        name,
        coin(key) as label
    from mscoco.objects
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

absent as (
    select
        asked.key,
        marked.name
    from asked
    join mscoco.objects as marked using (image_id)
    where asked.name <> marked.name
    group by asked.key, marked.name
    having max(overlap(asked.box, marked.box) / area(marked.box)) < 0.5
    qualify rank_drawn(asked.key, marked.name) = 1
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    [asked.box] as regions,
    case when asked.label then asked.name else absent.name end as text,
    asked.label,
    case when absent.key is null then 'no_absent_kind' end as rejected
from asked
join mscoco.pictures using (image_id)
left join absent using (key)
order by asked.key
