/*
summary    = "Choose the region that answers a question."
category   = "vqa"
origin     = "existing"
role       = "eval"
output     = "region_option"
metrics    = ["iou_accuracy"]
reference  = "grounded_VQA"
*/
with

-- The pointing part, of the pictures that its publisher tests on.
asked as (
    select
        questions.image_id || ':' || questions.question_id as key,
        questions.image_id,
        questions.question,
        questions.answer_object,
        unnest(list_distinct(questions.choice_objects || [questions.answer_object])) as object_id
    from visual7w.questions
    join visual7w.images using (image_id)
    where questions.answer_object is not null and images.published_split = 'test'
),

-- All boxes of one exercise in the order of their ids, so that the number of a region says nothing.
numbered as (
    select
        asked.*,
        objects.box,
        '<region_' || (row_number() over (partition by asked.key order by asked.object_id) - 1) || '>' as name
    from asked
    left join visual7w.objects using (image_id, object_id)
),

-- Two boxes around nearly the same place would be the same option twice.
repeated as (
    select distinct one.key
    from numbered as one
    join numbered as other using (key)
    where one.object_id < other.object_id and iou(one.box, other.box) >= 0.95
)

select
    numbered.key,
    numbered.image_id,
    pictures.split,
    numbered.question,
    without_nulls(list(numbered.box order by numbered.object_id)) as regions,
    list(numbered.name order by numbered.object_id) as options,
    list(numbered.image_id || ':' || numbered.object_id order by numbered.object_id) as option_keys,
    max(numbered.name) filter (where numbered.object_id = numbered.answer_object) as target,
    case
        when count(numbered.box) < count(*) then 'unknown_region'
        when count(*) < 2 then 'too_few_distractors'
        when bool_or(repeated.key is not null) then 'repeated_option'
    end as rejected
from numbered
join visual7w.pictures using (image_id)
left join repeated using (key)
group by numbered.key, numbered.image_id, pictures.split, numbered.question
order by numbered.key
