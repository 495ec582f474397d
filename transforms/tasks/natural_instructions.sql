/*
summary    = "Do an exercise in words alone, as its definition says."
category   = "language"
origin     = "existing"
confidence = "certain"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
truncate   = "text"
extra      = true
*/
-- The dataset's own list of tasks to train on, all of them in English.
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
from natural_instructions.exercises
where published_split = 'train'
order by key
