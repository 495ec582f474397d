/*
summary    = "Choose the region in which a text is written."
category   = "grounded_generation"
origin     = "existing"
role       = "train"
output     = "region_option"
metrics    = ["iou_accuracy"]
reference  = "text_localization"
*/
with

-- Letters of less than 500 square pixels each cannot be read once the picture is scaled for the model.
readable as (
    select
        image_id || ':' || text_id as key,
        image_id,
        box,
        text,
        plain(text) as words
    from coco_text.texts
    where legible and text is not null and area(box) >= 500 * length(text)
),

-- A text that stands twice in a picture has two answers.
counted as (
    select
        *,
        count(*) over (partition by image_id, words) as copies
    from readable
),

other as (
    select
        asked.key,
        other.key as other_key,
        other.box
    from counted as asked
    join counted as other using (image_id)
    where asked.words <> other.words and iou(asked.box, other.box) < 0.5
),

-- Two boxes around nearly the same place would be the same option twice.
repeated as (
    select distinct later.key as other_key
    from readable as later
    join readable as earlier using (image_id)
    where earlier.key < later.key and iou(later.box, earlier.box) >= 0.95
),

wrong as (
    select
        key,
        other_key,
        box
    from other
    anti join repeated using (other_key)
    qualify rank_drawn(key, other_key) <= 4
),

-- All boxes of one exercise in the order of their keys, so that the number of a region says nothing.
offered as (
    select
        key,
        other_key,
        box,
        false as answer
    from wrong
    union all
    select
        key,
        key as other_key,
        box,
        true as answer
    from counted
),

numbered as (
    select
        *,
        '<region_' || (row_number() over (partition by key order by other_key) - 1) || '>' as name
    from offered
)

select
    counted.key,
    counted.image_id,
    pictures.split,
    list(numbered.box order by numbered.other_key) as regions,
    counted.text,
    list(numbered.name order by numbered.other_key) as options,
    list(numbered.other_key order by numbered.other_key) as option_keys,
    max(numbered.name) filter (where numbered.answer) as target,
    case
        when counted.copies > 1 then 'several_answers'
        when count(*) < 2 then 'too_few_distractors'
    end as rejected
from counted
join coco_text.pictures using (image_id)
join numbered using (key)
group by counted.key, counted.image_id, pictures.split, counted.text, counted.copies
order by counted.key
