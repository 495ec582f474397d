/*
summary    = "Choose what is wrong with the quality of the picture, if anything."
category   = "image_understanding"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "image_quality"
*/
with

-- Of five people, each ticked what they saw (VizWiz-QualityIssues, Chiu et al. 2020).
voted as (
    select
        images.image_id,
        labels.value,
        labels.votes,
        row_number() over in_order as place,
        lead(labels.votes) over in_order as next_votes
    from vizwiz_iqa.images
    join vizwiz_iqa.labels using (image_id)
    where labels.aspect = 'quality'
    window in_order as (partition by images.image_id order by labels.votes desc, labels.value asc)
),

named as (
    select
        image_id,
        votes,
        next_votes,
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
    where place = 1
)

-- What fewer than three of the five say, or as many say of something else, is no answer.
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
    case
        when named.flaw is null then 'unknown_flaw'
        when named.votes < 3 then 'few_votes'
        when named.votes = named.next_votes then 'tied_votes'
    end as rejected
from named
join vizwiz_iqa.pictures using (image_id)
order by key
