-- As published: the boxes of all readable texts of the picture are options, of the same text too.
with

readable as (
    select
        image_id || ':' || text_id as key,
        image_id,
        box,
        text
    from coco_text.texts
    where legible and text is not null and area(box) >= 500 * length(text)
),

-- All boxes of one exercise in the order of their keys, so that the number of a region says nothing.
numbered as (
    select
        asked.key,
        other.key as other_key,
        other.box,
        asked.key = other.key as answer,
        '<region_' || (row_number() over (partition by asked.key order by other.key) - 1) || '>' as name
    from readable as asked
    join readable as other using (image_id)
)

select
    readable.key,
    readable.image_id,
    pictures.split,
    list(numbered.box order by numbered.other_key) as regions,
    readable.text,
    list(numbered.name order by numbered.other_key) as options,
    list(numbered.other_key order by numbered.other_key) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case when count(*) < 2 then 'too_few_distractors' end as rejected
from readable
join coco_text.pictures using (image_id)
join numbered using (key)
group by readable.key, readable.image_id, pictures.split, readable.text
order by readable.key
