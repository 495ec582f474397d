/*
summary    = "Read the text that is laid over the picture."
category   = "miscellaneous"
origin     = "existing"
role       = "eval"
output     = "text"
metrics    = ["rouge_l"]
reference  = "visual_text_extraction"
*/
-- Every text is kept, so that scores can be compared with published ones.
select
    texts.image_id || ':' || texts.text_id as key,
    texts.image_id,
    pictures.split,
    texts.text as target,
    case when texts.text is null then 'no_text' end as rejected
from hateful_memes.texts
join hateful_memes.pictures using (image_id)
order by key
