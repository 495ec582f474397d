/*
summary    = "Say words that single out the thing in a region."
category   = "grounded_generation"
origin     = "existing"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "object_description_generate"
*/
with

-- Words that people also used for another thing of the picture do not single this one out.
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
    counted.text as target,
    counted.object_id,
    case
        when counted.several then 'said_of_several_things'
        when counted.copy > 1 then 'duplicate'
    end as rejected
from counted
join refcoco.pictures using (image_id)
order by counted.key
