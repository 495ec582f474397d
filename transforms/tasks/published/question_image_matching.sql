-- As published: any question about another photograph is one that cannot be answered from this one.
with

-- All questions of a split in drawn order: whoever needs a wrong one takes the next that will do.
placed as (
    select
        key,
        image_id,
        picture_id,
        split,
        question,
        plain(question) as words,
        rank_drawn(split, key) as place,
        count(*) over (partition by split) as places
    from instances.open_domain_vqa
    where source = 'vqa_v2'
),

asked as (
    select
        *,
        coin(key) as label
    from placed
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- A few that follow are enough to find a wrong one among.
following as (
    select
        *,
        unnest(range(8)) as step
    from asked
    where not label
),

other as (
    select
        following.key,
        following.picture_id,
        following.step,
        other.key as other_key,
        other.question,
        other.words
    from following
    join placed as other
        on
            following.split = other.split
            and (following.place + following.step) % following.places + 1 = other.place
    where following.picture_id <> other.picture_id
),

-- What was asked of this photograph too can be answered from it.
wrong as (
    select
        key,
        other_key,
        question
    from other
    anti join placed using (picture_id, words)
    qualify row_number() over (partition by key order by step) = 1
)

select
    asked.key,
    asked.image_id,
    asked.split,
    case when asked.label then asked.question else wrong.question end as question,
    asked.label,
    case when asked.label then asked.key else wrong.other_key end as question_key,
    case when not asked.label and wrong.key is null then 'no_wrong_question' end as rejected
from asked
left join wrong using (key)
order by asked.key
