/*
summary    = "Choose the property that the thing in a region has."
category   = "visual_relationship"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "visual_attribute"
*/
with

things as (
    select
        image_id || ':' || object_id as key,
        image_id,
        object_id,
        box,
        name
    from vaw.objects
),

said as (
    select
        things.key,
        attributes.attribute,
        plain(attributes.attribute) as words,
        attributes.holds
    from things
    join vaw.attributes using (image_id, object_id)
),

-- The answer is any of the properties that the thing is said to have.
answers as (
    select
        key,
        attribute,
        words
    from said
    where holds
    qualify rank_drawn(key, attribute) = 1
),

had as (
    select
        key,
        words
    from said
    where holds
),

-- What the thing is also said to have is not wrong.
lacking as (
    select
        said.key,
        said.attribute
    from said
    anti join had using (key, words)
    where not said.holds
    qualify row_number() over (partition by said.key, said.words order by said.attribute) = 1
),

wrong as (
    select *
    from lacking
    qualify rank_drawn(key, attribute) <= 7
)

-- Four options at the least: of two, one is right half the time.
select
    things.key,
    things.image_id,
    pictures.split,
    [things.box] as regions,
    without_nulls(list(wrong.attribute order by wrong.attribute) || [answers.attribute]) as options,
    answers.attribute as target,
    things.name,
    case
        when answers.attribute is null then 'no_property'
        when count(wrong.attribute) < 3 then 'too_few_distractors'
    end as rejected
from things
join vaw.pictures using (image_id)
left join answers using (key)
left join wrong using (key)
group by things.key, things.image_id, pictures.split, things.box, things.name, answers.attribute
order by things.key
