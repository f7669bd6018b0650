"""How far a job is, by what its ranks say."""

from harness import PATIENCE, require, story, wait_until

BAR = r"""
i=$2
while [ $i -lt $1 ]; do
  i=$((i + 1))
  printf '\r 10%%|#         | %s/40 [00:0%s<00:10,  5.00it/s, loss=0.%s]' $i $i $i >&2
  sleep 0.1
done
echo 'ValueError: bad sample' >&2
exit 3
"""


@story("A script that fails at the same step twice is not tried a third time, and the step is named", nodes=1)
def same_step_twice(s):
    job = s.submit(nodes=1, command=["/bin/sh", "-c", BAR, "sh", 7, 0])
    wait_until(lambda: job.view()["phase"] == "failed", f"{job.id} has failed", PATIENCE)
    require("the same failure twice at step 7" in job.whys(), f"the reason names the step: {job.whys()}")
    view = job.view()
    require(view["generation"] == 2, f"it was tried twice: {view['generation']}")
    require(view["step"] == 7, f"the step that it came to is still known: {view['step']}")


@story("Step, total, pace and loss of a bar, and of a file beside it that knows better", nodes=2)
def bar_and_file(s):
    say = r"""
    printf '\r 10%%|#         | 4/40 [00:04<00:10,  5.00it/s, loss=0.4]' >&2
    while [ ! -e go ]; do sleep 0.05; done
    n=100
    while [ ! -e done ]; do
      n=$((n + 1))
      echo "{\"step\": $n, \"steps_total\": 100000, \"loss\": 2.5}" > $EVERSTEP_PROGRESS.new && mv $EVERSTEP_PROGRESS.new $EVERSTEP_PROGRESS
      sleep 0.1
    done
    """
    job = s.submit(nodes=2, command=["/bin/sh", "-c", say])
    place = job.witness_file.parent
    wait_until(lambda: job.view().get("step") == 4, "the bar's step is told", PATIENCE)
    progress = job.view()["progress"]
    require((progress["steps_total"], progress["loss"]) == (40, "0.4"), f"the bar's total and loss: {progress}")
    (place / "go").touch()
    wait_until(lambda: (job.view()["progress"].get("eta") or 0) > 0 and job.view()["step"] > 100, "the file's step, and an ETA", PATIENCE)
    progress = job.view()["progress"]
    require((progress["steps_total"], progress["loss"]) == (100000, "2.5"), f"the file's total and loss: {progress}")
    require(0.05e9 < progress["step_time"] < 5e9, f"a step takes about 0.1 s: {progress}")
    (place / "done").touch()
    job.wait_phase("done")


@story("A job's own expression finds the step in lines that nobody knows", nodes=1)
def own_expression(s):
    job = s.submit(nodes=1, progress={"step": r"schritt (\d+)"},
                   command=["/bin/sh", "-c", "echo iter 9: loss 1.5, time 3ms; echo schritt 12 von 40; while [ ! -e done ]; do sleep 0.05; done"])
    wait_until(lambda: job.view().get("step") == 12, "the step is told", PATIENCE)
    require(job.view()["progress"]["loss"] == "1.5", f"the loss is the known line's: {job.view()['progress']}")
    (job.witness_file.parent / "done").touch()
    job.wait_phase("done")
