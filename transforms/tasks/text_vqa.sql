/*
summary    = "Answer a question about the text in the picture."
category   = "vqa"
origin     = "existing"
role       = "eval"
output     = "text"
metrics    = ["rouge_l"]
reference  = "text_vqa"
*/
-- Every question is kept, so that scores can be compared with published ones.
select
    questions.image_id || ':' || questions.question_id as key,
    questions.image_id,
    pictures.split,
    questions.question,
    questions.answer as target,
    questions.answers,
    case when questions.answer is null then 'no_answer' end as rejected
from text_vqa.questions
join text_vqa.pictures using (image_id)
order by key
