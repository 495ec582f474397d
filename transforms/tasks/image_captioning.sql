/*
summary    = "Describe the picture in a sentence."
category   = "miscellaneous"
origin     = "existing"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "image_caption"
*/
with

-- The same words for the same picture are one exercise.
described as (
    select
        image_id || ':' || caption_id as key,
        image_id,
        text,
        row_number() over (
            partition by image_id, plain(text)
            order by caption_id
        ) as copy
    from mscoco.captions
)

select
    described.key,
    described.image_id,
    pictures.split,
    described.text as target,
    pictures.picture_id,
    case when described.copy > 1 then 'duplicate' end as rejected
from described
join mscoco.pictures using (image_id)
order by described.key
