/*
summary    = "Answer a question that takes several steps of thought about the picture."
category   = "vqa"
origin     = "existing"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "open-domain_VQA"
*/
with

-- The same question and answer on the same picture are one exercise.
asked as (
    select
        *,
        image_id || ':' || question_id as key,
        row_number() over (
            partition by image_id, plain(question), plain(answer)
            order by question_id
        ) as copy
    from gqa.questions
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    asked.question,
    asked.answer as target,
    asked.kind,
    case
        when asked.answer is null then 'no_answer'
        when asked.copy > 1 then 'duplicate'
    end as rejected
from asked
join gqa.pictures using (image_id)
order by asked.key
