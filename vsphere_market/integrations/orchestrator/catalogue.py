"""The actions and workflows that are shipped."""

from __future__ import annotations

from vsphere_market.integrations.orchestrator.model import (
    Action,
    Call,
    Decision,
    End,
    Interaction,
    Item,
    Param,
    Task,
    Timer,
    Workflow,
)

_SCOPE = Param(
    "scope", "string", "Managed object id of a VM, host or cluster, such as vm-42; empty: all"
)
_PLAN = Param("plan", "string", "The plan's id")

ACTIONS: tuple[Action, ...] = (
    Action("plan", "plan", "Starts a plan; answers the job to poll. Changes nothing.", (_SCOPE,)),
    Action(
        "status",
        "status",
        "Where a job stands, and what came of it.",
        (Param("job", "string", "The job's id, as plan and apply answer it"),),
    ),
    Action("show", "show", "A plan in words, with its certificate.", (_PLAN,)),
    Action(
        "approve",
        "approve",
        "Approves steps of a plan. Nothing is carried out before apply.",
        (_PLAN, Param("steps", "string", "Step ids with commas between; empty: all of them")),
    ),
    Action(
        "apply",
        "apply",
        "Carries out what is approved of a plan; answers the job to poll. Changes the estate.",
        (_PLAN,),
    ),
    Action(
        "execution",
        "execution",
        "What came of an execution, step by step.",
        (Param("execution", "string", "The execution's id"),),
    ),
    Action(
        "explain",
        "explain",
        "Why a VM or host is squeezed, with quotes and counters, as a JSON document.",
        (Param("object", "string", "Managed object id, such as vm-42"),),
    ),
)

#: A job that is not done is asked again after as long as the service says.
_LATER = "wakeAt = new Date(new Date().getTime() + answer.get('retryAfter') * 1000);"
_NOT_DONE = "return answer.get('done') != true;"
_FAILED = """if (answer.get('succeeded') != true) {
    throw answer.get('sentence') || ('The job ended as ' + answer.get('state'));
}
"""
_ANSWER = Param("answer", "Properties", "The last answer of the service")
_WAKE = Param("wakeAt", "Date", "When the job is asked for again")
_JOB = Param("job", "string", "The job that is waited for")


def _waiting(prefix: str, then: str) -> tuple[tuple[str, Item], ...]:
    """Items that wait for the job in ``answer`` with a Waiting Timer, which holds no thread."""
    later, timer, ask, again = (f"{prefix}-{part}" for part in ("later", "timer", "ask", "again"))
    script = f"if (answer.get('job')) {{ job = answer.get('job'); }}\n{_LATER}"
    return (
        (later, Task("Set the time", script, ("answer", "job"), ("job", "wakeAt"), timer)),
        (timer, Timer("Wait", "wakeAt", ask)),
        (ask, Call("Ask for the job", "status", ("job",), "answer", again)),
        (again, Decision("Not done yet?", _NOT_DONE, ("answer",), later, then)),
    )


_PLAN_AND_APPLY = Workflow(
    "Plan, approve and apply",
    "Makes a plan, shows it to a person, and carries out what was approved.",
    inputs=(_SCOPE,),
    outputs=(
        Param("planId", "string", "The plan"),
        Param("summary", "string", "What was done, step by step"),
    ),
    attributes=(
        _ANSWER,
        _WAKE,
        _JOB,
        Param("planText", "string", "The plan in words"),
        Param("agreed", "boolean", "Carry it out?", "false"),
        Param("all", "string", "No step ids: every step", ""),
        Param("executionId", "string", "The execution"),
    ),
    items=(
        ("plan", Call("Start a plan", "plan", ("scope",), "answer", "p-later")),
        *_waiting("p", "planned"),
        (
            "planned",
            Task(
                "Take the plan",
                f"{_FAILED}planId = answer.get('plan');",
                ("answer",),
                ("planId",),
                "show",
            ),
        ),
        ("show", Call("Read the plan", "show", ("planId",), "answer", "any")),
        (
            "any",
            Decision(
                "Anything to do?", "return answer.get('steps') > 0;", ("answer",), "text", "nothing"
            ),
        ),
        (
            "text",
            Task("Say it", "planText = answer.get('text');", ("answer",), ("planText",), "person"),
        ),
        ("person", Interaction("Approve?", ("planText",), ("agreed",), "agreed")),
        (
            "agreed",
            Decision("Agreed?", "return agreed == true;", ("agreed",), "approve", "refused"),
        ),
        ("approve", Call("Approve", "approve", ("planId", "all"), "answer", "apply")),
        ("apply", Call("Carry it out", "apply", ("planId",), "answer", "a-later")),
        *_waiting("a", "applied"),
        (
            "applied",
            Task(
                "Take the execution",
                f"{_FAILED}executionId = answer.get('execution');",
                ("answer",),
                ("executionId",),
                "outcome",
            ),
        ),
        (
            "outcome",
            Call("Read what came of it", "execution", ("executionId",), "answer", "end-sum"),
        ),
        (
            "end-sum",
            Task("Sum up", "summary = answer.get('text');", ("answer",), ("summary",), "end"),
        ),
        ("nothing", Task("Nothing", "summary = 'Nothing to do.';", (), ("summary",), "end")),
        ("refused", Task("Refused", "summary = 'Not approved.';", (), ("summary",), "end")),
        ("end", End()),
    ),
)

_EXPLAIN = Workflow(
    "Explain a VM",
    "Why a VM is squeezed, what it is quoted elsewhere, and what the market would do. "
    "Changes nothing.",
    inputs=(Param("vm", "VC:VirtualMachine", "The VM"),),
    outputs=(Param("explanation", "string", "A JSON document"),),
    attributes=(_ANSWER, Param("moid", "string", "The VM's managed object id")),
    items=(
        ("id", Task("Take its id", "moid = vm.id;", ("vm",), ("moid",), "explain")),
        ("explain", Call("Explain", "explain", ("moid",), "answer", "take")),
        (
            "take",
            Task(
                "Take the answer",
                "explanation = answer.get('document');",
                ("answer",),
                ("explanation",),
                "end",
            ),
        ),
        ("end", End()),
    ),
)

_ON_ALERT = Workflow(
    "Plan for a VM on an alert",
    "For an Operations recommendation: plans for the one VM that has the alert. "
    "Carries out nothing; the plan waits in the service for a person's approval.",
    inputs=(
        Param("vm", "VC:VirtualMachine", "The VM that has the alert"),
        Param("vrops_alert_id", "string", "Filled in by Operations"),
    ),
    outputs=(Param("planId", "string", "The plan"), Param("summary", "string", "Its steps")),
    attributes=(_ANSWER, _WAKE, _JOB, Param("moid", "string", "The VM's managed object id")),
    items=(
        ("id", Task("Take its id", "moid = vm.id;", ("vm",), ("moid",), "plan")),
        ("plan", Call("Start a plan", "plan", ("moid",), "answer", "p-later")),
        *_waiting("p", "planned"),
        (
            "planned",
            Task(
                "Take the plan",
                f"{_FAILED}planId = answer.get('plan');",
                ("answer",),
                ("planId",),
                "show",
            ),
        ),
        ("show", Call("Read the plan", "show", ("planId",), "answer", "say")),
        (
            "say",
            Task(
                "Say it",
                "summary = answer.get('text') || 'Nothing to do.';\n"
                "System.log('alert ' + vrops_alert_id + ': ' + summary);",
                ("answer", "vrops_alert_id"),
                ("summary",),
                "end",
            ),
        ),
        ("end", End()),
    ),
)

WORKFLOWS: tuple[Workflow, ...] = (_PLAN_AND_APPLY, _EXPLAIN, _ON_ALERT)
