-- As published: the area is in pixels of the picture's file.
with

asked as (
    select *
    from instances.grounded_captioning
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
)

select
    key,
    image_id,
    split,
    regions,
    round(area(regions[1]))::bigint::varchar as target
from asked
order by key
