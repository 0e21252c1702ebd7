-- Every object that was listed under a recipe has exactly one status.
select
    recipe_id,
    listed,
    done,
    no_face,
    failed,
    duplicate,
    skipped,
    pending
from coverage
where not adds_up
