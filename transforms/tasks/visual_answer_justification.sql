/*
summary    = "Choose why an answer to a question about the picture is right."
category   = "commonsense_reasoning"
origin     = "existing"
role       = "eval"
output     = "option"
metrics    = ["rouge_l", "accuracy"]
reference  = "visual_answer_justification"
extra      = true
*/
with

asked as (
    select
        image_id,
        question_id,
        image_id || ':' || question_id as key,
        coalesce(question_marked, question) as question,
        context,
        answer,
        choices || [answer] as options,
        len(list_distinct(list_transform(choices || [answer], lambda option: plain(option)))) as different,
        coalesce(question_objects, []) as object_ids
    from vcr.questions
    where kind = 'rationale'
),

-- The things that the question names, in the order in which it names them.
named as (
    select
        key,
        image_id,
        unnest(object_ids) as object_id,
        generate_subscripts(object_ids, 1) as place
    from asked
),

marked as (
    select
        named.key,
        list(objects.box order by named.place) as regions
    from named
    join vcr.objects using (image_id, object_id)
    group by named.key
)

select
    asked.key,
    asked.image_id,
    pictures.split,
    coalesce(marked.regions, []) as regions,
    asked.question,
    asked.context,
    asked.options,
    asked.answer as target,
    case
        when len(coalesce(marked.regions, [])) < len(asked.object_ids) then 'unknown_region'
        when asked.different < len(asked.options) then 'repeated_option'
    end as rejected
from asked
join vcr.pictures using (image_id)
left join marked using (key)
order by asked.key
