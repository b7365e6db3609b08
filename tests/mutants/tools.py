"""Defects of the tools that a cluster has: update, checks, health, tasks."""

from tests.mutants.mutant import Mutant

SRC = "src/talos_flux"
UPDATE = "test_update_everything.py::test_"

MUTANTS = (
    Mutant("a merge that prefers the template", f"{SRC}/template/update/merge.py", "        if mine != before:\n            return _merge_with_git(old, yours, new)\n", "", f"{UPDATE}what_is_the_users_stays"),
    Mutant("a merge that prefers the user", f"{SRC}/template/update/merge.py", "        if after in (before, mine):\n", "        if after in (before, mine) or mine != before:\n", f"{UPDATE}a_conflict_is_one_that_git_shows"),
    Mutant("a conflict that git does not see", f"{SRC}/template/update/journal.py", "{1: conflict.old, 2: conflict.yours, 3: conflict.new}", "{0: conflict.yours}", f"{UPDATE}a_conflict_is_one_that_git_shows"),
    Mutant("an undo that forgets new files", f"{SRC}/template/update/journal.py", "        restore(path, state.before)\n", "        state.before and restore(path, state.before)\n", f"{UPDATE}undo_restores_every_byte"),
    Mutant("an undo that forgets a file", f"{SRC}/template/update/journal.py", "        if not holds(path, state.after):", "        if state.before or not holds(path, state.after):", f"{UPDATE}undo_restores_every_byte"),
    Mutant("an undo of what is committed", f"{SRC}/template/update/journal.py", "    if _head() != journal.head:\n        raise UserError(\"the update has been committed: `git revert` takes it back.\")\n", "", f"{UPDATE}a_committed_update_is_not_undone"),
    Mutant("uncommitted work is overwritten", f"{SRC}/template/update/obstacles.py", "    if changed:\n        raise UserError(f\"{changed[0][3:]}", "    if False:\n        raise UserError(f\"{changed[0][3:]}", f"{UPDATE}uncommitted_work_is_named"),
    Mutant("two updates run at once", f"{SRC}/template/update/journal.py", "            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n", "            pass\n", f"{UPDATE}two_updates_at_once_are_one"),
    Mutant("a finding that is waived by any comment", f"{SRC}/check/rule.py", "        name == finding.rule.id and reason for name", "        True for name", "test_check_flux_config.py::test_a_defect_is_found_at_its_line_and_nothing_else"),
    Mutant("findings are kept to oneself", f"{SRC}/check/rule.py", "    kept = [finding for finding in violations.values() if not", "    kept = [finding for finding in list(violations.values())[1:] if not", "test_check_flux_config.py::test_a_defect_is_found_at_its_line_and_nothing_else"),
    Mutant("a probe of etcd that is always green", f"{SRC}/diagnose/probes/etcd_health.py", "    if state.spare < 0:\n", "    if False:\n", "test_health_words.py::test_a_quorum_that_is_lost_is_still_said_when_one_controller_answers"),
    Mutant("what talosctl can't tell of etcd counts as well", f"{SRC}/diagnose/probes/etcd_health.py", "        return [], [f\"etcd can't be asked: {refusal}\"]\n", "        return [], []\n", "test_health_words.py::test_without_talosctl_the_rest_is_looked_at"),
    Mutant("a link is taken out of a list with its neighbour", f"{SRC}/repository/kustomization_edits.py", "    kept = [item for item in listed.value if item not in removed]\n", "    kept = [item for item in listed.value if item not in removed][1:]\n", "test_apps_library.py::test_a_removed_resource_leaves_the_rest_as_it_was"),
)  # fmt: skip
