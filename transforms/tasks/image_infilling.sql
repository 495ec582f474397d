/*
summary    = "Draw what belongs into the middle of the picture."
category   = "image_understanding"
origin     = "derived"
role       = "train"
output     = "image"
metrics    = []
blank      = true
extra      = true
*/
with

-- The middle half of either side, as in OFA's pretraining: pixels 64 to 192 of 256.
middle as (
    select
        image_id,
        struct_pack(x0 := width / 4, y0 := height / 4, x1 := width * 3 / 4, y1 := height * 3 / 4) as box
    from visual_genome.images
    where width is not null and height is not null
)

select
    images.image_id as key,
    images.image_id,
    pictures.split,
    case when middle.box is null then [] else [middle.box] end as regions,
    images.image_id as target_image_id,
    middle.box as target_box,
    case when middle.box is null then 'no_size' end as rejected
from visual_genome.images
join visual_genome.pictures using (image_id)
left join middle using (image_id)
order by images.image_id
