/*
summary    = "Say whether the text in a region can be read."
category   = "miscellaneous"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "text_legibility"
balance    = true
*/
select
    texts.image_id || ':' || texts.text_id as key,
    texts.image_id,
    pictures.split,
    [texts.box] as regions,
    texts.legible as label
from coco_text.texts
join coco_text.pictures using (image_id)
where texts.legible is not null and texts.box is not null
order by key
