-- The photograph that each image shows, and its split: a property of the photograph, decided once
-- over all sources. Copies of one photograph follow the strictest of their publishers' splits.
with

named as (
    select
        source,
        image_id,
        case when coco_id is not null then 'coco:' || coco_id else image_id end as picture_id,
        coalesce(published_split, 'train') as split
    from all_images
),

decided as (
    select
        picture_id,
        case max(case split when 'test' then 3 when 'validation' then 2 else 1 end)
            when 3 then 'test'
            when 2 then 'validation'
            else 'train'
        end as split
    from named
    group by picture_id
)

select
    named.image_id,
    named.picture_id,
    decided.split
from named
join decided using (picture_id)
where named.source = getvariable('source')
order by named.image_id
