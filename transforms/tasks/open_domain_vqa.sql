/*
summary    = "Answer a question about the picture in a few words."
category   = "vqa"
origin     = "existing"
role       = "train"
output     = "text"
metrics    = ["rouge_l"]
reference  = "open-domain_VQA"
*/
with

asked as (
    select
        image_id,
        question_id,
        question,
        answer,
        source
    from vqa_v2.questions
    union all
    select
        image_id,
        question_id,
        question,
        -- The publisher ends nearly every answer with a period, which is no part of it.
        rtrim(answer, '. ') as answer,
        source
    from visual_genome.questions
),

pictures as (
    select
        image_id,
        picture_id,
        split,
        'vqa_v2' as source
    from vqa_v2.pictures
    union all
    select
        image_id,
        picture_id,
        split,
        'visual_genome' as source
    from visual_genome.pictures
),

-- The same question and answer on the same picture are one exercise.
counted as (
    select
        *,
        image_id || ':' || question_id as key,
        row_number() over (
            partition by source, image_id, plain(question), plain(answer)
            order by question_id
        ) as copy
    from asked
)

select
    counted.key,
    counted.image_id,
    pictures.split,
    counted.question,
    counted.answer as target,
    counted.source,
    pictures.picture_id,
    case
        when coalesce(counted.answer, '') = '' then 'no_answer'
        when counted.copy > 1 then 'duplicate'
    end as rejected
from counted
join pictures using (source, image_id)
order by counted.key
