/*
summary    = "Choose how the text in a region was written."
category   = "miscellaneous"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "text_type"
*/
with

kinds as (
    select list(distinct kind order by kind) as options
    from coco_text.texts
    where kind is not null
)

select
    texts.image_id || ':' || texts.text_id as key,
    texts.image_id,
    pictures.split,
    [texts.box] as regions,
    kinds.options,
    texts.kind as target
from coco_text.texts
join coco_text.pictures using (image_id)
cross join kinds
where texts.kind is not null and texts.box is not null
order by key
