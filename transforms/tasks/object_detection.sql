/*
summary    = "Say whether a thing is in the picture."
category   = "image_understanding"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "VQA_object_presence"
*/
with

asked as (
    select
        image_id || ':' || question_id as key,
        image_id,
        question,
        plain(answer) as answer
    from tdiuc.questions
    where kind = 'object_presence'
),

-- Two answers to one question of one picture contradict each other.
counted as (
    select
        *,
        min(answer) over one_question <> max(answer) over one_question as several,
        row_number() over (partition by image_id, plain(question) order by key) as copy
    from asked
    window one_question as (partition by image_id, plain(question))
)

select
    counted.key,
    counted.image_id,
    pictures.split,
    counted.question,
    counted.answer = 'yes' as label,
    case
        when counted.answer is null or counted.answer not in ('yes', 'no') then 'unknown_answer'
        when counted.several then 'several_answers'
        when counted.copy > 1 then 'duplicate'
    end as rejected
from counted
join tdiuc.pictures using (image_id)
order by counted.key
