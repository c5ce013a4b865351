"""Where the value of an option comes from, and how loud a command is."""

import pytest

from costopt import CostMatrix, DecisionPolicy

WORDS = ["--target", "y", "--score", "p"]


def config(folder, text):
    path = folder / "c.toml"
    path.write_text(text, encoding="utf-8")
    return path


def costs_of(shell, *words, env=None):
    """The costs and the seed that a command was run with."""
    *_, folder = words
    shell.succeeded(*words, env=env)
    policy = DecisionPolicy.load(folder)
    return policy.costs, policy.provenance["random_state"]


def test_a_file_gives_what_flags_would_for_every_command(shell, scored, tmp_path):
    file = config(
        tmp_path,
        'target = "y"\nseed = 5\ntrials = 2\n[costs]\nfn = "amount"\nfp = 20.5\nunit = "EUR"\n'
        '[threshold]\nscore = "p"\nseed = 7\n',
    )

    found = costs_of(shell, "threshold", scored, "--config", file, "--out", tmp_path / "a")

    assert found == (CostMatrix(fn="amount", fp=20.5, unit="EUR"), "7")


def test_flags_win_over_the_environment_and_that_over_the_file(shell, scored, tmp_path):
    file = config(tmp_path, "seed = 1\n[costs]\nfn = 2\nfp = 1\ntp = 0.5\n[threshold]\nfn = 3\n")
    env = {"COSTOPT_THRESHOLD_SEED": "8", "COSTOPT_THRESHOLD_FP": "1.5"}
    words = ["threshold", scored, *WORDS, "--config", file]

    assert costs_of(shell, *words, "--out", tmp_path / "a") == (CostMatrix(fn=3, fp=1, tp=0.5), "1")
    assert costs_of(shell, *words, "--out", tmp_path / "b", env=env) == (
        CostMatrix(fn=3, fp=1.5, tp=0.5),
        "8",
    )
    flags = ["--seed", "9", "--fp", "1.25", "--out", tmp_path / "c"]
    assert costs_of(shell, *words, *flags, env=env) == (CostMatrix(fn=3, fp=1.25, tp=0.5), "9")


def test_the_file_itself_can_be_named_in_the_environment(shell, scored, tmp_path):
    file = config(tmp_path, "[costs]\nfn = 2\nfp = 1\n")
    env = {"COSTOPT_THRESHOLD_CONFIG": str(file), "COSTOPT_THRESHOLD_JSON": "1"}

    result = shell.succeeded("threshold", scored, *WORDS, env=env)

    assert result.stdout.startswith("{")


def test_several_columns_stand_between_commas_in_the_environment(shell, scored, tmp_path):
    env = {"COSTOPT_OPTIMIZE_IGNORE": "amount, the branch", "COSTOPT_OPTIMIZE_SEED": ""}

    line = shell.refused(
        "optimize", scored, "--target", "y", "--fn", 2, "--fp", 1, "--out", tmp_path / "a", env=env
    )

    assert "--ignore names the column 'the branch'" in line


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("trails = 3\n", "trails is not known: did you mean 'trials'?"),
        ("[optimze]\ntrials = 3\n", "optimze is not known: did you mean 'optimize'?"),
        ("[optimize]\ntrails = 3\n", "optimize.trails is not known: did you mean 'trials'?"),
        ("[compare]\ntrials = 3\n", "compare.trials is not known"),
        ("[optimize]\nconfig = 3\n", "optimize.config is not known"),
        ("optimize = 3\n", "optimize must be a table, [optimize], got 3"),
        ("trials = true\n", "trials must be a text or a number, got True"),
        ("trials = [3]\n", "trials must be a text or a number, got [3]"),
        ("trials = 2.5\n", "'--trials' (from {file}): '2.5' is not a valid integer"),
        ("trials = 0\n", "'--trials' (from {file}): 0 is not in the range x>=1"),
        ("racing = 3\n", "racing must be true or false, got 3"),
        ("json = 1\n", "json must be true or false, got 1"),
        ("ignore = [true]\n", "ignore must be a text, a number, or a list of them, got [True]"),
        (
            '[optimize]\nlearner = "xgbost"\n',
            "there is no learner 'xgbost', did you mean 'xgboost'",
        ),
        ('resampling = ["smotte"]\n', "there is no resampling 'smotte', did you mean 'smote'"),
        ('selection = "luck"\n', "'--selection' (from {file}): 'luck' is not one of"),
    ],
)
def test_a_wrong_setting_of_a_file_is_named(shell, scored, tmp_path, text, complaint):
    file = config(tmp_path, text)
    words = ["--target", "y", "--fn", 2, "--fp", 1, "--out", tmp_path / "a", "--config", file]

    line = shell.refused("optimize", scored, *words)

    assert complaint.format(file=file) in line
    assert not (tmp_path / "a").exists()


def test_a_wrong_setting_of_the_environment_is_named(shell, scored, tmp_path):
    words = ["optimize", scored, "--target", "y", "--fn", 2, "--fp", 1, "--out", tmp_path / "a"]

    line = shell.refused(*words, env={"COSTOPT_OPTIMIZE_TRIALS": "many"})

    assert "'--trials' (from COSTOPT_OPTIMIZE_TRIALS): 'many' is not" in line


def test_lists_and_truths_of_a_file_mean_what_flags_mean(shell, scored, tmp_path):
    file = config(
        tmp_path,
        'target = "y"\njobs = 1\nlearner = ["logistic"]\nfolds = 3\n[costs]\nfn = 2\nfp = 1\n'
        '[optimize]\nignore = ["amount", "branch"]\nracing = false\ntrials = 2\nforce = true\n'
        'resampling = "none"\nselection = "cheapest"\nfinal = "folds"\nthreshold = "exact"\n',
    )

    found = shell.printed("optimize", scored, "--config", file, "--out", tmp_path / "a")

    policy = DecisionPolicy.load(tmp_path / "a")
    assert [feature.name for feature in policy.schema.features] == ["p"]
    assert len(policy.models) == 3, "those of the folds"
    assert found["n_trials"] == 2
    assert "resampling" not in policy.params
    shown = shell.printed("optimize", scored, "--config", file, "--out", tmp_path / "a")
    assert shown == found, "force = true"


def test_options_of_the_search_reach_it(shell, scored, tmp_path):
    words = ["optimize", scored, "--target", "y", "--fn", 2, "--fp", 1, "--learner", "logistic"]
    words += ["--trials", 8, "--folds", 3, "--jobs", 1, "-q"]

    sampled = shell.printed(*words, "--threshold", "sampled", "--out", tmp_path / "a")
    shell.succeeded(
        *words, "--resampling", "random_over", "--selection", "cheapest", "--out", tmp_path / "b"
    )

    assert "threshold" in sampled["best_params"]
    params = shell.printed("show", tmp_path / "b")["model"]["params"]
    assert params["resampling"] == "random_over"


# loudness


def test_a_quiet_command_leaves_stderr_empty(shell, scored, scores, tmp_path):
    scores.assign(same=1).to_csv(scored, index=False)
    words = ["optimize", scored, "--target", "y", "--fn", 2, "--fp", 1, "--learner", "logistic"]
    words += ["--trials", 1, "--folds", 2]

    usual = shell.succeeded(*words, "--out", tmp_path / "a")
    quiet = shell.succeeded(*words, "--out", tmp_path / "b", "--quiet")

    assert "warning: [constant-column]" in usual.stderr
    assert quiet.stderr == ""
    assert quiet.stdout.replace(f"{tmp_path / 'b'}", f"{tmp_path / 'a'}") == usual.stdout
    shell.succeeded("decide", tmp_path / "b", scored, "--out", tmp_path / "d.csv", "-q")
    again = shell.run("decide", tmp_path / "b", scored, "--out", tmp_path / "d.csv", "-q")
    assert "exists" in again.stderr, "errors are never left out"


def test_a_verbose_search_says_what_it_tries(shell, scored, tmp_path):
    words = ["optimize", scored, "--target", "y", "--fn", 2, "--fp", 1, "--learner", "logistic"]
    words += ["--trials", 2, "--folds", 2, "--no-racing", "-v", "--out", tmp_path / "a"]

    lines = shell.succeeded(*words).stderr.splitlines()

    assert lines[0] == f"read 300 rows of 4 columns from {scored}"
    assert lines[1].startswith("trial 0: ")
    assert " per case, with " in lines[1]
    assert lines[2].startswith("trial 1: ")


def test_quiet_and_verbose_exclude_each_other(shell, scored):
    line = shell.refused("threshold", scored, *WORDS, "-q", "-v")

    assert "--quiet and --verbose exclude each other" in line


def test_loudness_can_stand_before_the_command(shell, scored):
    words = ["threshold", scored, *WORDS, "--fn", 5, "--fp", 1]

    assert "read 300 rows" in shell.succeeded("-v", *words).stderr
