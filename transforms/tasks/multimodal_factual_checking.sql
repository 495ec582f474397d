/*
summary    = "Say whether a claim is true, given a picture and what was found out about it."
category   = "miscellaneous"
origin     = "existing"
role       = "train"
output     = "option"
metrics    = ["accuracy"]
reference  = "multimodal_factual_checking"
truncate   = "context"
*/
with

checked as (
    select
        claim_id,
        claim,
        context,
        verdict,
        image_ids,
        published_split
    from mocheg.claims
),

found as (
    select
        claim_id,
        unnest(image_ids) as image_id
    from checked
),

-- One picture a claim: further ones would be the same exercise again.
shown as (
    select
        checked.*,
        found.image_id
    from checked
    left join found using (claim_id)
    qualify rank_drawn(checked.claim_id, coalesce(found.image_id, '')) = 1
),

-- Fact checkers say their verdict in a sentence of its own, before or after what they found out. It
-- is taken out, and the claim with it where it is repeated word for word.
told as (
    select
        *,
        without_verdict(replace(context, claim, '')) as findings
    from shown
)

select
    told.claim_id as key,
    told.image_id,
    coalesce(pictures.split, told.published_split, 'train') as split,
    told.findings as context,
    told.claim as text,
    ['yes', 'no', 'not sure'] as options,
    case told.verdict
        when 'supported' then 'yes'
        when 'refuted' then 'no'
        when 'not_enough_information' then 'not sure'
    end as target,
    case
        when told.image_id is null then 'no_picture'
        when coalesce(told.findings, '') = '' then 'no_context'
    end as rejected
from told
left join mocheg.pictures using (image_id)
order by key
