"""The actions and workflows that are shipped."""

from __future__ import annotations

from dataclasses import replace

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
    "scope",
    "string",
    "Managed object ids such as vm-42 or domain-c8 with commas between; empty: the whole estate",
)
_NOTE = Param("note", "string", "What the plan is for, in your words")
_PLAN = Param("plan", "string", "The plan's id")

ACTIONS: tuple[Action, ...] = (
    Action(
        "plan", "plan", "Starts a plan; answers the job to poll. Changes nothing.", (_SCOPE, _NOTE)
    ),
    Action(
        "status",
        "status",
        "Where a job stands, and what came of it.",
        (Param("job", "string", "The job's id, as plan answers it"),),
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
        "Carries out what is approved of a plan; answers the execution. Changes the estate.",
        (_PLAN,),
    ),
    Action(
        "execution",
        "execution",
        "How an execution goes, and what came of it, step by step.",
        (Param("execution", "string", "The execution's id"),),
    ),
    Action(
        "explain",
        "explain",
        "Why a VM or host is squeezed, with quotes and counters, as a JSON document.",
        (Param("object", "string", "Managed object id, such as vm-42"),),
    ),
)

#: What is not done is asked for again after as long as the service says.
_LATER = "wakeAt = new Date(new Date().getTime() + answer.get('retryAfter') * 1000);"
_NOT_DONE = "return answer.get('done') != true;"
_TAKE_PLAN = """if (answer.get('succeeded') != true) {
    throw answer.get('sentence') || 'The plan was not made.';
}
planId = answer.get('plan');"""
_ANSWER = Param("answer", "Properties", "The last answer of the service")
_WAKE = Param("wakeAt", "Date", "When the service is asked again")
_JOB = Param("job", "string", "The job that is waited for")


def _waiting(prefix: str, asks: Call, then: str) -> tuple[tuple[str, Item], ...]:
    """Items that ask until what is in ``answer`` is done, with a timer that holds no thread."""
    later, timer, ask, again = (f"{prefix}-{part}" for part in ("later", "timer", "ask", "again"))
    return (
        (later, Task("Set the time", _LATER, ("answer",), ("wakeAt",), timer)),
        (timer, Timer("Wait", "wakeAt", ask)),
        (ask, replace(asks, then=again)),
        (again, Decision("Not done yet?", _NOT_DONE, ("answer",), later, then)),
    )


def _planning(scope: str, note: str, then: str) -> tuple[tuple[str, Item], ...]:
    """Items that start a plan and wait for it: its id is in ``planId``, itself in ``answer``."""
    return (
        ("plan", Call("Start a plan", "plan", (scope, note), "answer", "job")),
        ("job", Task("Take the job", "job = answer.get('job');", ("answer",), ("job",), "p-later")),
        *_waiting("p", Call("Ask for the job", "status", ("job",), "answer", ""), "planned"),
        ("planned", Task("Take the plan", _TAKE_PLAN, ("answer",), ("planId",), "show")),
        ("show", Call("Read the plan", "show", ("planId",), "answer", then)),
    )


_PLAN_AND_APPLY = Workflow(
    "Plan, approve and apply",
    "Makes a plan, shows it to a person, and carries out what was approved.",
    inputs=(_SCOPE, _NOTE),
    outputs=(
        Param("planId", "string", "The plan"),
        Param("summary", "string", "What was done, step by step"),
        Param("succeeded", "boolean", "Every step that was approved is done"),
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
        *_planning("scope", "note", "any"),
        (
            "any",
            Decision(
                "Anything to approve?",
                "return answer.get('approvable') > 0;",
                ("answer",),
                "text",
                "nothing",
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
        ("apply", Call("Carry it out", "apply", ("planId",), "answer", "execution")),
        (
            "execution",
            Task(
                "Take the execution",
                "executionId = answer.get('execution');",
                ("answer",),
                ("executionId",),
                "a-later",
            ),
        ),
        *_waiting("a", Call("Ask how it goes", "execution", ("executionId",), "answer", ""), "sum"),
        (
            "sum",
            Task(
                "Sum up",
                "summary = answer.get('text') || answer.get('sentence');\n"
                "succeeded = answer.get('succeeded') == true;",
                ("answer",),
                ("summary", "succeeded"),
                "end",
            ),
        ),
        (
            "nothing",
            Task(
                "Nothing",
                "summary = answer.get('text') || 'Nothing to do.';\nsucceeded = true;",
                ("answer",),
                ("summary", "succeeded"),
                "end",
            ),
        ),
        (
            "refused",
            Task(
                "Refused",
                "summary = 'Not approved.';\nsucceeded = false;",
                (),
                ("summary", "succeeded"),
                "end",
            ),
        ),
        ("end", End()),
    ),
)

_EXPLAIN = Workflow(
    "Explain a VM",
    "Why a VM is squeezed, what it is quoted elsewhere, and what the market would do. "
    "Changes nothing.",
    inputs=(Param("vm", "VC:VirtualMachine", "The VM"),),
    outputs=(
        Param("headline", "string", "In one sentence"),
        Param("explanation", "string", "A JSON document"),
    ),
    attributes=(_ANSWER, Param("moid", "string", "The VM's managed object id")),
    items=(
        ("id", Task("Take its id", "moid = vm.id;", ("vm",), ("moid",), "explain")),
        ("explain", Call("Explain", "explain", ("moid",), "answer", "take")),
        (
            "take",
            Task(
                "Take the answer",
                "explanation = answer.get('document');\nheadline = answer.get('headline');",
                ("answer",),
                ("explanation", "headline"),
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
    attributes=(
        _ANSWER,
        _WAKE,
        _JOB,
        Param("moid", "string", "The VM's managed object id"),
        _NOTE,
    ),
    items=(
        (
            "id",
            Task(
                "Take its id",
                "moid = vm.id;\nnote = 'Operations alert ' + vrops_alert_id;",
                ("vm", "vrops_alert_id"),
                ("moid", "note"),
                "plan",
            ),
        ),
        *_planning("moid", "note", "say"),
        (
            "say",
            Task(
                "Say it",
                "summary = answer.get('text') || 'Nothing to do.';\nSystem.log(summary);",
                ("answer",),
                ("summary",),
                "end",
            ),
        ),
        ("end", End()),
    ),
)

WORKFLOWS: tuple[Workflow, ...] = (_PLAN_AND_APPLY, _EXPLAIN, _ON_ALERT)
