/*
summary    = "Find the region of the picture that a text describes."
category   = "grounded_generation"
origin     = "existing"
role       = "train"
output     = "region"
metrics    = ["iou"]
reference  = "VG"
*/
with

described as (
    select
        image_id || ':' || region_id as key,
        image_id,
        box,
        text,
        plain(text) as words
    from visual_genome.regions
),

-- A text that is said of two different places does not tell which one is meant.
ambiguous as (
    select distinct this.key
    from described as this
    join described as other using (image_id, words)
    where iou(this.box, other.box) < 0.5
),

-- Said twice of nearly the same place, it is one exercise.
counted as (
    select
        *,
        row_number() over (
            partition by image_id, words
            order by key
        ) as copy
    from described
)

select
    counted.key,
    counted.image_id,
    pictures.split,
    [counted.box] as regions,
    counted.text,
    '<region_0>' as target,
    case
        when ambiguous.key is not null then 'ambiguous_text'
        when counted.copy > 1 then 'duplicate'
    end as rejected
from counted
join visual_genome.pictures using (image_id)
left join ambiguous using (key)
order by counted.key
