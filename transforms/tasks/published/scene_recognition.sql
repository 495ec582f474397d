-- As published: eight answers are drawn from all that questions of this kind have, each as often as any
-- other, and the right one is put beside them if it is not there.
with

asked as (
    select
        questions.image_id || ':' || questions.question_id as key,
        questions.image_id,
        pictures.split,
        questions.question,
        questions.answer,
        plain(questions.answer) as words
    from tdiuc.questions
    join tdiuc.pictures using (image_id)
    where questions.kind = 'scene_recognition' and questions.answer is not null
),

-- Of answers that differ in case or punctuation, one is enough.
known as (
    select
        split,
        answer
    from asked
    qualify row_number() over (partition by split, words order by answer) = 1
),

candidates as (
    select
        split,
        list(answer order by answer) as answers
    from known
    group by split
),

-- A lot has 32 digits.
drawn as (
    select
        asked.*,
        list_transform(
            list_slice(
                list_sort(list_transform(candidates.answers, lambda other: draw(asked.key, other) || other)),
                1,
                8
            ),
            lambda lot: lot[33:]
        ) as offered
    from asked
    join candidates using (split)
),

posed as (
    select
        *,
        list_filter(offered, lambda other: plain(other) <> words) || [answer] as options
    from drawn
)

select
    key,
    image_id,
    split,
    question,
    options,
    answer as target,
    case when len(options) < 2 then 'too_few_distractors' end as rejected
from posed
order by key
