/*
summary    = "Say how much of the picture a region covers, in percent."
category   = "region_understanding"
origin     = "derived"
role       = "train"
output     = "text"
metrics    = ["rouge_l", "accuracy"]
reference  = "region_area"
*/
with

-- A few regions an image: no image dominates.
asked as (
    select
        *,
        regions[1] as box
    from instances.grounded_captioning
    where visible(regions[1])
    qualify rank_drawn(image_id, key) <= getvariable('per_image')
),

-- The model sees no pixels of the file, so that the area is a share of the picture. The same box with
-- another caption is the same exercise.
measured as (
    select
        asked.*,
        round(100 * area(asked.box) / (images.width::double * images.height))::integer as percent,
        row_number() over (
            partition by asked.image_id, asked.box
            order by asked.key
        ) as copy
    from asked
    join visual_genome.images using (image_id)
)

select
    key,
    image_id,
    split,
    regions,
    percent::varchar as target,
    case
        when percent is null then 'size_unknown'
        when percent = 0 then 'less_than_half_a_percent'
        when copy > 1 then 'duplicate'
    end as rejected
from measured
order by key
