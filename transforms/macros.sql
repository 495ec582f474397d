-- The vocabulary of the task files. Boxes are structs of x0, y0, x1, y1 in pixels of the image's file.

create macro area(box) as (box.x1 - box.x0) * (box.y1 - box.y0);

-- Square pixels that both boxes cover.
create macro overlap(a, b) as
greatest(0.0, least(a.x1, b.x1) - greatest(a.x0, b.x0))
* greatest(0.0, least(a.y1, b.y1) - greatest(a.y0, b.y0));

-- Intersection over union, from 0 for boxes that do not touch to 1 for the same box.
create macro iou(a, b) as overlap(a, b) / (area(a) + area(b) - overlap(a, b));

-- What is left of a text when case, punctuation of any script and the width of blanks are no difference.
create macro plain(text) as trim(regexp_replace(lower(text), '[\s\pP\pS]+', ' ', 'g'));

-- The lot that an item draws in the eyes of an owner: md5, so that nothing but the seed, the task
-- and the two names decides it.
create macro draw(owner, item) as
md5(getvariable('seed') || '|' || getvariable('task') || '|' || owner || '|' || item);

-- The item's place, from 1, among all items of its owner when they are put in the order of their lots.
create macro rank_drawn(owner, item) as
row_number() over (partition by owner order by draw(owner, item), item);

-- The share of the smaller box that the other one covers, from 0 to 1: 1 if it lies inside.
create macro shared(a, b) as overlap(a, b) / least(area(a), area(b));

-- Smaller boxes are hard to see, and their sides blur when they become location bins.
create macro visible(box) as box.x1 - box.x0 >= 32 and box.y1 - box.y0 >= 32;

-- True for half of all owners.
create macro coin(owner) as draw(owner, 'coin') < '8';

-- What there is of a list: a row that will be rejected may lack some of it.
create macro without_nulls(items) as list_filter(items, lambda item: item is not null);

-- Of a list of texts, the first few that are neither the answer nor said before; `words` and
-- `others_words` are the `plain` answer and texts.
create macro first_others(words, others, others_words, most) as
list_transform(
    list_slice(
        list_filter(
            range(1, len(others) + 1),
            lambda place: others_words[place] <> words
            and list_position(others_words, others_words[place]) = place
        ),
        1,
        most
    ),
    lambda place: others[place]
);

-- What fact checkers found out, less the sentences that only say their verdict: `False.` or `We rate
-- this claim Mostly True.`
create macro without_verdict(text) as
trim(
    regexp_replace(
        regexp_replace(
            regexp_replace(
                ' ' || text || ' ',
                '(\s)we (?:therefore |hereby )?rate [^.!?]{0,200}[.!?]+(\s)',
                '\1\2',
                'gi'
            ),
            '(^|[.!?:]["”’]?)(\s+)(?:mostly |half |partly )?'
            || '(?:true|false|unproven|undetermined|mixture|miscaptioned|misattributed|outdated|scam|legend'
            || '|fake|hoax|supported|refuted|pants on fire|correct attribution|labeled satire'
            || '|research in progress|not enough information|nei)(?:[.!:]+(\s)|\s+$)',
            '\1\2\3',
            'gi'
        ),
        '\s+',
        ' ',
        'g'
    )
);
