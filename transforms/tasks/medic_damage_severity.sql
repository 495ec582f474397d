/*
summary    = "Choose how bad the damage in the picture is."
category   = "miscellaneous"
origin     = "existing"
role       = "eval"
output     = "option"
metrics    = ["accuracy"]
reference  = "medic_damage_severity"
extra      = true
*/
with

named as (
    select
        image_id,
        replace(value, '_', ' ') || ' damage' as answer,
        ['severe damage', 'mild damage', 'little or none damage'] as options
    from medic.labels
    where aspect = 'damage_severity'
)

-- Every picture is kept, so that scores can be compared with published ones.
select
    named.image_id as key,
    named.image_id,
    pictures.split,
    named.options,
    named.answer as target,
    case when not list_contains(named.options, named.answer) then 'unknown_label' end as rejected
from named
join medic.pictures using (image_id)
order by key
