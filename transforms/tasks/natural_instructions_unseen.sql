/*
summary    = "Do an exercise in words alone of a kind that is held out."
category   = "language"
origin     = "existing"
confidence = "certain"
role       = "eval"
output     = "text"
metrics    = ["rouge_l", "accuracy"]
truncate   = "text"
extra      = true
*/
with

-- The dataset puts a hundred exercises first on which the answers are balanced: it evaluates on these.
placed as (
    select
        *,
        row_number() over (partition by task order by record, item, exercise_id) as place
    from natural_instructions.exercises
    where published_split = 'test'
)

select
    task || ':' || exercise_id as key,
    published_split as split,
    definition as context,
    text,
    answers[1] as target,
    answers,
    task as exercise_task,
    category as exercise_category,
    case when coalesce(len(answers), 0) = 0 then 'no_answer' end as rejected
from placed
where place <= 100
order by key
