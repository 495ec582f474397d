/*
summary    = "Say whether the picture and the text on it are hateful together."
category   = "miscellaneous"
origin     = "existing"
role       = "eval"
output     = "option"
metrics    = ["accuracy"]
reference  = "hateful_content_detection"
extra      = true
*/
-- Every meme is kept, so that scores can be compared with published ones.
select
    labels.image_id as key,
    labels.image_id,
    pictures.split,
    labels.value = '1' as label
from hateful_memes.labels
join hateful_memes.pictures using (image_id)
where labels.aspect = 'hateful'
order by key
