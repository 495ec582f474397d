/*
summary    = "Say whether a step comes after the one in the picture or before it."
category   = "temporal_ordering"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "wikihow_image_text_step_order"
balance    = true
*/
with

-- A step that has another one on either side, so that its place says nothing of the answer.
placed as (
    select
        image_id,
        article_id || ':' || method_position || ':' || position as key,
        method,
        text,
        lag(text) over steps_in_order as preceding,
        lead(position) over steps_in_order - lag(position) over steps_in_order as distance,
        lead(text) over steps_in_order as following
    from wikihow.steps
    window steps_in_order as (partition by article_id, method_position order by position)
),

asked as (
    select
        *,
        coin(key) as label
    from placed
    where image_id is not null and preceding is not null and following is not null
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    asked.method,
    case when asked.label then asked.following else asked.preceding end as text,
    asked.label,
    case
        when asked.distance > 2 then 'step_missing_between'
        when
            plain(asked.preceding) in (plain(asked.text), plain(asked.following))
            or plain(asked.following) = plain(asked.text)
            then 'repeated_step'
    end as rejected
from asked
join wikihow.pictures using (image_id)
order by asked.key
