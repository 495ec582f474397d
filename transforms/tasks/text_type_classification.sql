/*
summary    = "Choose how the text in a region was written."
category   = "miscellaneous"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "text_type"
*/
select
    texts.image_id || ':' || texts.text_id as key,
    texts.image_id,
    pictures.split,
    [texts.box] as regions,
    ['handwritten', 'machine printed', 'others'] as options,
    texts.kind as target,
    case
        when texts.kind not in ('handwritten', 'machine printed', 'others') then 'unknown_kind'
    end as rejected
from coco_text.texts
join coco_text.pictures using (image_id)
where texts.kind is not null and texts.box is not null
order by key
