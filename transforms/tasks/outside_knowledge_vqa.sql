/*
summary    = "Answer a question about the picture that takes knowledge of the world."
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
    from ok_vqa.questions
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    asked.question,
    asked.answer as target,
    asked.answers,
    case
        when asked.answer is null then 'no_answer'
        when asked.copy > 1 then 'duplicate'
    end as rejected
from asked
join ok_vqa.pictures using (image_id)
order by asked.key
