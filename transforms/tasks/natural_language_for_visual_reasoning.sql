/*
summary    = "Say whether a statement about shapes is true of the picture."
category   = "commonsense_reasoning"
origin     = "existing"
role       = "eval"
output     = "option"
metrics    = ["accuracy"]
reference  = "natural_language_visual_reasoning"
*/
-- Every statement is kept, so that scores can be compared with published ones.
select
    statements.image_id || ':' || statements.statement_id as key,
    statements.image_id,
    pictures.split,
    statements.text,
    statements.label
from nlvr.statements
join nlvr.pictures using (image_id)
order by key
