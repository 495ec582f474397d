/*
summary    = "Read the word in a region."
category   = "miscellaneous"
origin     = "existing"
role       = "eval"
output     = "text"
metrics    = ["rouge_l", "accuracy"]
reference  = "ocr"
extra      = true
*/
-- Letters of less than 6,000 square pixels each are hard to read once the picture is scaled.
select
    texts.image_id || ':' || texts.text_id as key,
    texts.image_id,
    pictures.split,
    [texts.box] as regions,
    texts.text as target
from text_vqa.texts
join text_vqa.pictures using (image_id)
where texts.text is not null and texts.box is not null and area(texts.box) > 6000 * length(texts.text)
order by key
