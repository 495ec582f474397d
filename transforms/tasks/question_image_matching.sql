/*
summary    = "Say whether a question can be answered from the picture."
category   = "image_text_matching"
origin     = "derived"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "question_image_match"
balance    = true
*/
with

kinds as (
    select distinct
        name,
        ' ' || plain(name) as words
    from mscoco.objects
),

shown as (
    select distinct
        image_id,
        name
    from mscoco.objects
),

-- Whether there is a dog, and how many there are, can be answered where there is none. Other questions take
-- for granted what they name. Visual Genome's are often asked of any picture.
presuming as (
    select
        key,
        image_id,
        picture_id,
        split,
        question,
        plain(question) as words
    from instances.open_domain_vqa
    where
        source = 'vqa_v2'
        and not regexp_matches(
            plain(question),
            '^((is|are|was|were) (there|this|that|these|those|it|they)|how many|(do|can|could) (you|we|i))\b'
        )
),

-- The kinds of things that a question names, in the singular or with an s.
named as (
    select
        presuming.key,
        kinds.name
    from presuming
    join kinds
        on
            contains(' ' || presuming.words || ' ', kinds.words || ' ')
            or contains(' ' || presuming.words || ' ', kinds.words || 's ')
),

-- All such questions of a split in drawn order: whoever needs a wrong one takes the next that will do.
-- So nothing is compared with everything.
placed as (
    select
        *,
        rank_drawn(split, key) as place,
        count(*) over (partition by split) as places
    from presuming
    semi join named using (key)
),

-- A few questions an image: no image dominates.
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
        key,
        image_id,
        picture_id,
        split,
        place,
        places,
        unnest(range(8)) as step
    from asked
    where not label
),

other as (
    select
        following.key,
        following.image_id,
        following.picture_id,
        following.step,
        other.key as other_key,
        other.words
    from following
    join placed as other
        on
            following.split = other.split
            and (following.place + following.step) % following.places + 1 = other.place
    where following.picture_id <> other.picture_id
),

-- A question cannot be answered if one kind that it names is not there. What was asked of this photograph
-- too can be answered from it all the same.
chosen as (
    select
        other.key,
        other.other_key
    from other
    join named on other.other_key = named.key
    anti join shown on other.image_id = shown.image_id and named.name = shown.name
    anti join placed on other.picture_id = placed.picture_id and other.words = placed.words
    qualify row_number() over (partition by other.key order by other.step) = 1
),

wrong as (
    select
        chosen.key,
        chosen.other_key,
        placed.question
    from chosen
    join placed on chosen.other_key = placed.key
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
