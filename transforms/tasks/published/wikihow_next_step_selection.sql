-- As published: half of the other steps of the method are options, and two at the least where there are two.
with

placed as (
    select
        image_id,
        article_id,
        method_position,
        position,
        article_id || ':' || method_position || ':' || position as key,
        method,
        text,
        lead(text) over steps_in_order as following,
        lead(position) over steps_in_order as following_position
    from wikihow.steps
    window steps_in_order as (partition by article_id, method_position order by position)
),

asked as (
    select *
    from placed
    where image_id is not null and following is not null
),

other as (
    select
        asked.key,
        other.key as other_key,
        other.text
    from asked
    join placed as other using (article_id, method_position)
    where
        other.position not in (asked.position, asked.following_position)
        and plain(other.text) <> plain(asked.following)
    qualify row_number() over (partition by asked.key, plain(other.text) order by other.position) = 1
),

wrong as (
    select *
    from other
    qualify rank_drawn(key, other_key) <= greatest(2, count(*) over (partition by key) // 2)
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    asked.method,
    list(wrong.text order by wrong.other_key) filter (where wrong.text is not null)
    || [asked.following] as options,
    asked.following as target,
    case
        when asked.following_position > asked.position + 1 then 'step_missing_between'
        when count(wrong.text) = 0 then 'too_few_distractors'
    end as rejected
from asked
join wikihow.pictures using (image_id)
left join wrong using (key)
group by
    asked.key,
    asked.image_id,
    pictures.split,
    asked.method,
    asked.position,
    asked.following_position,
    asked.following
order by asked.key
