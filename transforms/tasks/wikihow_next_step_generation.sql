/*
summary    = "Say what is to be done after the step in the picture."
category   = "temporal_ordering"
origin     = "derived"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "wikihow_next_step"
truncate   = "context"
*/
with

-- Every step of a method with the one that follows it and all that come before it.
placed as (
    select
        image_id,
        position,
        article_id || ':' || method_position || ':' || position as key,
        method,
        text,
        lead(text) over steps_in_order as following,
        coalesce(
            list(text) over (
                partition by article_id, method_position
                order by position
                rows between unbounded preceding and 1 preceding
            ),
            []
        ) as earlier,
        lead(position) over steps_in_order - position as distance,
        count(*) over (partition by article_id, method_position) as steps
    from wikihow.steps
    window steps_in_order as (partition by article_id, method_position order by position)
)

select
    placed.key,
    placed.image_id,
    pictures.split,
    placed.method,
    placed.earlier as context,
    placed.text,
    placed.following as target,
    case
        when placed.distance > 1 or len(placed.earlier) < placed.position then 'step_missing_between'
        when placed.steps < 3 then 'too_few_steps'
        when
            list_contains(
                list_transform(placed.earlier || [placed.text, placed.method], lambda shown: plain(shown)),
                plain(placed.following)
            )
            then 'answer_shown'
    end as rejected
from placed
join wikihow.pictures using (image_id)
where placed.following is not null
order by placed.key
