/*
summary    = "Choose the answer to a question about the picture."
category   = "vqa"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "VQA"
*/
with

-- The telling part: its answers are words. Wrong answers come from the publisher, three to a question.
asked as (
    select
        image_id || ':' || question_id as key,
        image_id,
        question,
        answer,
        choices || [answer] as options,
        len(list_distinct(list_transform(choices || [answer], lambda option: plain(option)))) as different,
        kind
    from visual7w.questions
    where answer is not null
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    asked.question,
    asked.options,
    asked.answer as target,
    asked.kind,
    case
        when asked.options is null or len(asked.options) < 2 then 'too_few_distractors'
        when asked.different < len(asked.options) then 'repeated_option'
    end as rejected
from asked
join visual7w.pictures using (image_id)
order by asked.key
