/*
summary    = "Find the thing that an expression refers to."
category   = "grounded_generation"
origin     = "existing"
role       = "train"
output     = "region"
metrics    = ["iou"]
reference  = "descriptive_object_region_generate"
*/
with

-- The same words may have been said of two things, by two people or for two datasets.
said as (
    select
        image_id || ':' || region_id as key,
        image_id,
        object_id,
        box,
        text,
        plain(text) as words
    from refcoco.regions
),

meant as (
    select
        image_id,
        words,
        max(object_id) <> min(object_id) as several
    from said
    group by image_id, words
),

counted as (
    select
        said.*,
        meant.several,
        row_number() over (
            partition by said.image_id, said.object_id, said.words
            order by said.key
        ) as copy
    from said
    join meant using (image_id, words)
)

select
    counted.key,
    counted.image_id,
    pictures.split,
    [counted.box] as regions,
    counted.text,
    '<region_0>' as target,
    counted.object_id,
    case
        when counted.several then 'several_answers'
        when counted.copy > 1 then 'duplicate'
    end as rejected
from counted
join refcoco.pictures using (image_id)
order by counted.key
