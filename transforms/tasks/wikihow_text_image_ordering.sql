/*
summary    = "Say whether the picture shows what comes after a step or what comes before it."
category   = "temporal_ordering"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "wikihow_text_image_step_order"
balance    = true
*/
with

-- A step whose neighbours both have pictures, so that a missing one says nothing of the answer.
placed as (
    select
        article_id || ':' || method_position || ':' || position as key,
        published_split,
        method,
        text,
        lag(text) over steps_in_order as preceding,
        lead(position) over steps_in_order - lag(position) over steps_in_order as distance,
        lead(text) over steps_in_order as following,
        lag(image_id) over steps_in_order as preceding_image_id,
        lead(image_id) over steps_in_order as following_image_id
    from wikihow.steps
    window steps_in_order as (partition by article_id, method_position order by position)
),

asked as (
    select
        *,
        coin(key) as label
    from placed
    where preceding is not null and following is not null
),

shown as (
    select
        *,
        case when label then following_image_id else preceding_image_id end as image_id
    from asked
)

select
    shown.key,
    shown.image_id,
    coalesce(pictures.split, shown.published_split, 'train') as split,
    shown.method,
    shown.text,
    shown.label,
    case
        when shown.distance > 2 then 'step_missing_between'
        when shown.preceding_image_id is null or shown.following_image_id is null then 'no_picture'
        when
            plain(shown.preceding) in (plain(shown.text), plain(shown.following))
            or plain(shown.following) = plain(shown.text)
            then 'repeated_step'
        when shown.preceding_image_id = shown.following_image_id then 'same_picture'
    end as rejected
from shown
left join wikihow.pictures using (image_id)
order by shown.key
