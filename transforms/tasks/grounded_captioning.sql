/*
summary    = "Describe a region of the picture."
category   = "grounded_generation"
origin     = "existing"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "GC"
*/
with

-- Annotators often repeat themselves: the same words for the same box are one exercise.
described as (
    select
        image_id || ':' || region_id as key,
        image_id,
        box,
        text,
        row_number() over (
            partition by image_id, box, plain(text)
            order by region_id
        ) as copy
    from visual_genome.regions
)

select
    described.key,
    described.image_id,
    pictures.split,
    [described.box] as regions,
    described.text as target,
    case when described.copy > 1 then 'duplicate' end as rejected
from described
join visual_genome.pictures using (image_id)
order by described.key
