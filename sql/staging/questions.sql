-- A question that a recipe asks about every clip.
-- Key: recipe_id, question
-- kind: single_label: one of the labels holds; multi_label: each may hold; number: an expected value.
-- view: clip or frame: what the model looks at.
-- prompt: What is asked for the text.
-- score_prompt: What is asked for the scores.
-- labels: Names of the labels.
with

asked as (
    select
        recipe_id,
        unnest(
            from_json(
                -- a text that is none of json asks nothing
                case when json_valid(recipe_json) then recipe_json end,
                '{"questions": [{
                    "name": "varchar", "kind": "varchar", "view": "varchar", "prompt": "varchar",
                    "score_prompt": "varchar", "labels": [{"name": "varchar"}]
                }]}'
            ).questions
        ) as question
    from recipes
)

select
    recipe_id,
    question.name as question,
    question.kind,
    question.view,
    question.prompt,
    question.score_prompt,
    list_transform(question.labels, lambda label: label.name) as labels
from asked
where question.name is not null
