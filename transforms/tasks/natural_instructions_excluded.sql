/*
summary    = "Do an exercise in words alone that is akin to one held out."
category   = "language"
origin     = "existing"
confidence = "certain"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
truncate   = "text"
extra      = true
*/
-- English tasks in neither list: they share their origin with a task to test on, and those who want to
-- know what a model does with unseen tasks of this dataset do not train on them.
select
    task || ':' || exercise_id as key,
    'train' as split,
    definition as context,
    text,
    answers[1] as target,
    answers,
    task as exercise_task,
    category as exercise_category,
    case when coalesce(len(answers), 0) = 0 then 'no_answer' end as rejected
from natural_instructions.exercises
where published_split is null and language = 'English'
order by key
