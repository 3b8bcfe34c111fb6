"""The tree of verbs. Each lives in a module of its own; none imports anything heavy by itself."""

from __future__ import annotations

from typing import Annotated

import typer

import vsphere_market
from vsphere_market.cli.verbs import apply as apply_
from vsphere_market.cli.verbs import assess as assess_
from vsphere_market.cli.verbs import backtest as backtest_
from vsphere_market.cli.verbs import demo as demo_
from vsphere_market.cli.verbs import doctor as doctor_
from vsphere_market.cli.verbs import explain as explain_
from vsphere_market.cli.verbs import forecasts as forecasts_
from vsphere_market.cli.verbs import history as history_
from vsphere_market.cli.verbs import operations as operations_
from vsphere_market.cli.verbs import plan as plan_
from vsphere_market.cli.verbs import plugin as plugin_
from vsphere_market.cli.verbs import policies as policies_
from vsphere_market.cli.verbs import prices as prices_
from vsphere_market.cli.verbs import reclaim as reclaim_
from vsphere_market.cli.verbs import role as role_
from vsphere_market.cli.verbs import run as run_
from vsphere_market.cli.verbs import serve as serve_
from vsphere_market.cli.verbs import snapshot as snapshot_
from vsphere_market.cli.verbs import stopping as stopping_
from vsphere_market.cli.verbs import tokens as tokens_
from vsphere_market.cli.verbs import trust as trust_
from vsphere_market.cli.verbs import undo as undo_
from vsphere_market.cli.verbs import vro as vro_
from vsphere_market.cli.verbs import whatif as whatif_

app = typer.Typer(
    name="vsphere-market",
    help="A memory market for VMware vSphere: see who is squeezed and why, plan with a "
    "certificate, apply, and watch ballooning and swapping go away.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done or nothing to do, 1 failed, 2 changes are due (only with "
    "--detailed-exitcode), 64 wrong usage or input file, 69 vCenter unreachable, 75 try again "
    "later, 77 not permitted. Begin with: vsphere-market demo",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(vsphere_market.__version__)
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Options of the program itself."""
    del version


app.command("demo", short_help="Watch the market cure a simulated estate; no vCenter needed.")(
    demo_.demo
)
app.command("doctor", short_help="Say what would keep it from working, with cures.")(doctor_.doctor)
app.command("snapshot", short_help="Read the source once, and write it to a file.")(
    snapshot_.snapshot
)
app.command("prices", short_help="Hosts by price, who is squeezed, and by what.")(prices_.prices)
app.command("plan", short_help="Decide what to trade; changes nothing.")(plan_.plan)
app.command("apply", short_help="Carry out a plan, step by step, after asking.")(apply_.apply)
app.command("run", short_help="The loop: observe, decide, act, write down.")(run_.run)
app.command("explain", short_help="Why: quotes, counters, rules and history.")(explain_.explain)
app.command("reclaim", short_help="Idle, oversized, over-reserved VMs, and what freeing buys.")(
    reclaim_.reclaim
)
app.command("whatif", short_help="Suppose hosts, VMs or demand were others.")(whatif_.whatif)
app.command("backtest", short_help="Let controllers compete on simulated hosts.")(
    backtest_.backtest
)
app.command("assess", short_help="Write a report on where memory is pressed, and why.")(
    assess_.assess
)
app.command("history", short_help="What was decided, refused and done.")(history_.history)
app.command("undo", short_help="Plan to take back what an execution did; changes nothing.")(
    undo_.undo
)
app.command("serve", short_help="The market over HTTPS: REST, console, metrics, webhooks.")(
    serve_.serve
)
app.add_typer(
    role_.role, name="role", short_help="Least-privilege roles in vCenter: make and check them."
)
app.add_typer(
    tokens_.tokens, name="tokens", short_help="API tokens of the service: make, list, revoke."
)
app.command("stop", short_help="Stop all that act: no further step is begun.")(stopping_.stop)
app.command("resume", short_help="Let things go on after `stop`.")(stopping_.resume)
app.command("outcomes", short_help="Forecasts against what came of each step.")(forecasts_.outcomes)
app.command("trust", short_help="The scorecard: which stage is earned, and why.")(trust_.trust)
app.add_typer(plugin_.plugin, name="plugin", short_help="The market inside the vSphere Client.")
app.add_typer(
    policies_.policies,
    name="policies",
    short_help="Check policies, test them, see what they come to.",
)
app.add_typer(operations_.operations, name="operations", short_help="Figures to VMware Operations.")
app.add_typer(vro_.vro, name="vro", short_help="Actions and workflows for VMware Orchestrator.")


@app.command("version")
def version_() -> None:
    """Show the version."""
    print(vsphere_market.__version__)
