/*
summary    = "Choose the kind of disaster that the picture shows."
category   = "miscellaneous"
origin     = "existing"
role       = "eval"
output     = "option"
metrics    = ["accuracy"]
reference  = "medic_disaster_types"
*/
with

named as (
    select
        image_id,
        replace(value, '_', ' ') as answer,
        [
            'earthquake',
            'fire',
            'flood',
            'hurricane',
            'landslide',
            'not disaster',
            'other disaster'
        ] as options
    from medic.labels
    where aspect = 'disaster_types'
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
