-- As published: the flaw with the most votes is the answer, however few; of as many, the first in the file.
with

voted as (
    select
        images.image_id,
        labels.value
    from vizwiz_iqa.images
    join vizwiz_iqa.labels using (image_id)
    where labels.aspect = 'quality'
    qualify row_number() over (partition by images.image_id order by labels.votes desc, labels.item asc) = 1
),

named as (
    select
        image_id,
        case value
            when 'NON' then 'no flaws'
            when 'BLR' then 'blur'
            when 'BRT' then 'too bright'
            when 'DRK' then 'too dark'
            when 'FRM' then 'bad framing'
            when 'OBS' then 'obscured view'
            when 'ROT' then 'rotated view'
            when 'OTH' then 'other flaws'
        end as flaw
    from voted
)

select
    named.image_id as key,
    named.image_id,
    pictures.split,
    [
        'no flaws',
        'blur',
        'too bright',
        'too dark',
        'bad framing',
        'obscured view',
        'rotated view',
        'other flaws'
    ] as options,
    named.flaw as target,
    case when named.flaw is null then 'unknown_flaw' end as rejected
from named
join vizwiz_iqa.pictures using (image_id)
order by key
