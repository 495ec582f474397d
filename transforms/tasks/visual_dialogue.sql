/*
summary    = "Answer the next question of a dialogue about the picture."
category   = "miscellaneous"
origin     = "existing"
role       = "eval"
output     = "text"
metrics    = ["rouge_l"]
reference  = "visual_dialog"
truncate   = "history"
*/
with

-- The publisher's questions have no question mark.
turns as (
    select
        image_id,
        dialogue_id,
        position,
        rtrim(question, '? ') || '?' as question,
        answer
    from visdial.turns
)

-- Every turn is kept, so that scores can be compared with published ones.
select
    turns.image_id || ':' || turns.dialogue_id || ':' || turns.position as key,
    turns.image_id,
    pictures.split,
    coalesce(
        list(turns.question || ' ' || turns.answer) over earlier,
        []
    ) as history,
    turns.question,
    turns.answer as target,
    case when count(*) over earlier < turns.position then 'turn_missing_before' end as rejected
from turns
join visdial.pictures using (image_id)
window
    earlier as (
        partition by turns.image_id, turns.dialogue_id
        order by turns.position
        rows between unbounded preceding and 1 preceding
    )
order by key
