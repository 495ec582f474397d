-- As published: of the steps before, only those with a picture are shown.
with

placed as (
    select
        image_id,
        position,
        article_id || ':' || method_position || ':' || position as key,
        method,
        text,
        lead(text) over steps_in_order as following,
        coalesce(
            list(text) filter (where image_id is not null) over (
                partition by article_id, method_position
                order by position
                rows between unbounded preceding and 1 preceding
            ),
            []
        ) as earlier,
        lead(position) over steps_in_order - position as distance
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
    case when placed.distance > 1 then 'step_missing_between' end as rejected
from placed
join wikihow.pictures using (image_id)
where placed.following is not null
order by placed.key
