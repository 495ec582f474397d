/*
summary    = "Choose the mood that a question asks for."
category   = "image_understanding"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "VQA_sentiment_understanding"
*/
with

asked as (
    select
        image_id || ':' || question_id as key,
        image_id,
        question,
        answer,
        plain(question) as asked_words,
        plain(answer) as words
    from tdiuc.questions
    where kind = 'sentiment_understanding' and answer is not null
),

-- Wrong options are the answers of questions near by in drawn order: a frequent answer is as often
-- wrong as it is right, so that its frequency says nothing.
posed as (
    select
        asked.*,
        pictures.split,
        list(asked.answer) over neighbours as near,
        list(asked.words) over neighbours as near_words
    from asked
    join tdiuc.pictures using (image_id)
    window neighbours as (
        partition by pictures.split
        order by draw('order', asked.key), asked.key
        rows between 20 preceding and 20 following
        exclude current row
    )
),

-- Two answers to one question of one picture contradict each other.
counted as (
    select
        *,
        coalesce(first_others(words, near, near_words, 7), []) as wrong,
        min(words) over one_question <> max(words) over one_question as several,
        row_number() over (partition by image_id, asked_words order by key) as copy
    from posed
    window one_question as (partition by image_id, asked_words)
)

select
    key,
    image_id,
    split,
    question,
    wrong || [answer] as options,
    answer as target,
    case
        when several then 'several_answers'
        when copy > 1 then 'duplicate'
        when len(wrong) = 0 then 'too_few_distractors'
    end as rejected
from counted
order by key
