-- The photograph that each image shows, and its split: a property of the photograph, decided once
-- over all sources. Copies of one photograph follow the strictest of their publishers' splits.
with

-- Several sources may list one image. What no id joins to another image is a photograph of its own.
shown as (
    select
        listed.image_id,
        coalesce(any_value(joined.picture_id), listed.image_id) as picture_id
    from all_images as listed
    left join joined.images as joined using (image_id)
    group by listed.image_id
),

decided as (
    select
        shown.picture_id,
        case
            when bool_or(listed.published_split = 'test') then 'test'
            when bool_or(listed.published_split = 'validation') then 'validation'
            else 'train'
        end as split
    from all_images as listed
    join shown using (image_id)
    group by shown.picture_id
)

select
    listed.image_id,
    shown.picture_id,
    decided.split
from all_images as listed
join shown using (image_id)
join decided using (picture_id)
where listed.source = getvariable('source')
order by listed.image_id
