-- As published: all properties that the thing is said to lack are options, however few or many.
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

answers as (
    select
        key,
        attribute
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

wrong as (
    select
        said.key,
        said.attribute
    from said
    anti join had using (key, words)
    where not said.holds
    qualify row_number() over (partition by said.key, said.words order by said.attribute) = 1
)

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
        when count(wrong.attribute) = 0 then 'too_few_distractors'
    end as rejected
from things
join vaw.pictures using (image_id)
left join answers using (key)
left join wrong using (key)
group by things.key, things.image_id, pictures.split, things.box, things.name, answers.attribute
order by things.key
