-- As published: crowds and tiny things are asked about too.
with

asked as (
    select
        *,
        image_id || ':' || object_id as key
    from mscoco.objects
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    [asked.box] as regions,
    asked.name as target
from asked
join mscoco.pictures using (image_id)
order by asked.key
