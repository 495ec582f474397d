/*
summary    = "Say whether a statement follows from the picture."
category   = "commonsense_reasoning"
origin     = "existing"
role       = "eval"
output     = "option"
metrics    = ["accuracy"]
reference  = "visual_nli"
*/
-- Every statement is kept, so that scores can be compared with published ones.
select
    statements.image_id || ':' || statements.statement_id as key,
    statements.image_id,
    pictures.split,
    statements.text,
    ['yes', 'no', 'not sure'] as options,
    case statements.label
        when true then 'yes'
        when false then 'no'
        else 'not sure'
    end as target
from snli_ve.statements
join snli_ve.pictures using (image_id)
order by key
