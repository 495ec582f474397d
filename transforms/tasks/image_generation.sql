/*
summary    = "Draw a picture that a sentence describes."
category   = "image_understanding"
origin     = "derived"
role       = "train"
output     = "image"
metrics    = []
extra      = true
*/
-- No picture is shown: the one that the sentence describes is the answer.
select
    key,
    split,
    image_id as target_image_id,
    target as text
from instances.image_captioning
order by key
