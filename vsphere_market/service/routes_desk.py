"""Sessions, jobs, policies, what-ifs, backtests, history, the stop switch, tokens, audit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request, Response

from vsphere_market.journal import Filter
from vsphere_market.port import ActionKind, OutcomeKind
from vsphere_market.service import models, models_desk
from vsphere_market.service.asking import backtest_work, policies_document, validated, whatif_work
from vsphere_market.service.jobs import RETRY_AFTER_S
from vsphere_market.service.models_plans import Backtest, Whatif
from vsphere_market.service.pastdocs import (
    action_document,
    decision_document,
    refusal_document,
)
from vsphere_market.service.problems import HttpProblem, missing
from vsphere_market.service.roles import ROLES, Caller, Role
from vsphere_market.service.routing import (
    ROLE_KEY,
    Routes,
    accepted,
    caller_of,
    done,
    fresh,
    guarded,
)
from vsphere_market.service.sessions import COOKIE, LONGEST_S
from vsphere_market.service.state import Service
from vsphere_market.service.stop import stop_document
from vsphere_market.service.words import Document, moment

JobId = Annotated[str, Path(max_length=60)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def session_document(caller: Caller) -> Document:
    """Who is calling."""
    return {
        "name": caller.name,
        "role": caller.role.word,
        "way": caller.way.value,
        "csrf_token": caller.csrf or None,
    }


def login_route(service: Service) -> APIRouter:
    """Logging in: the one way in that nobody has to have been let in for."""
    router = APIRouter()

    def log_in(request: Request, wanted: Annotated[models_desk.Login, Body()]) -> Response:
        """Log in with a token: gives a cookie, and the CSRF token that goes with it."""
        token = service.tokens.whose(wanted.token.get_secret_value().strip())
        if token is None:
            client = request.client
            service.failed_login(client.host if client else "")
            raise HttpProblem(
                401,
                "no-token",
                "the token is not valid (any more)",
                cure="`vsphere-market tokens create` makes one",
                headers={"WWW-Authenticate": "Bearer"},
            )
        caller, secret = service.sessions.begin(token)
        service.audit(caller, "login", {"token": token.id})
        cookie = (
            f"{COOKIE}={secret}; Path=/; Secure; HttpOnly; SameSite=Strict; "
            f"Max-Age={round(LONGEST_S)}"
        )
        return done(session_document(caller), 201, {"set-cookie": cookie})

    problem: dict[str, Any] = {
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
    }
    router.add_api_route(
        "/v1/session",
        log_in,
        methods=["POST"],
        status_code=201,
        response_model=models.Session,
        responses={
            code: {"description": text, **problem}
            for code, text in (
                (400, "The request is wrong."),
                (401, "The token is not valid."),
                (403, "The page that asks is a foreign one."),
                (413, "Too large."),
                (422, "The request is wrong."),
                (429, "Too many wrong logins."),
            )
        },
        tags=["session"],
        operation_id="log_in",
        summary="Log in with a token.",
        openapi_extra={ROLE_KEY: "nobody", "security": []},
    )
    return router


def desk_routes(service: Service) -> APIRouter:  # noqa: PLR0915 - one function per route
    """The routes of this module."""
    router = guarded()

    # ------------------------------------------------------------ session

    async def get_session(request: Request) -> Response:
        """Who is calling."""
        caller = caller_of(request)
        return done(session_document(caller), headers={"cache-control": "no-store"})

    def log_out(request: Request) -> Response:
        """End the session of the cookie; tokens are not affected."""
        caller = caller_of(request)
        if caller.session:
            service.sessions.end(caller.session)
            service.audit(caller, "logout", {})
        cookie = f"{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
        return Response(status_code=204, headers={"set-cookie": cookie})

    # ------------------------------------------------------------ jobs

    def list_jobs(request: Request, kind: Annotated[str, Query(max_length=20)] = "") -> Response:
        """Jobs of this run of the service, the newest first."""
        items = [job.document() for job in service.jobs.all(kind)]
        return fresh(request, {"items": items, "total": len(items), "next": None})

    def get_job(request: Request, job: JobId) -> Response:
        """How a job goes."""
        found = service.jobs.get(job)
        headers = {} if found.over else {"retry-after": str(RETRY_AFTER_S)}
        response = fresh(request, found.document())
        response.headers.update(headers)
        return response

    def result_of(request: Request, kind: str, wanted: str) -> Response:
        job = service.jobs.get(wanted)
        if job.kind != kind:
            raise missing(f"there is no such {kind}", wanted[:60])
        return fresh(request, {"job": job.document(), "result": job.result})

    def create_whatif(request: Request, wanted: Annotated[Whatif, Body()]) -> Response:
        """Suppose hosts, VMs, demand or policies were others. Changes nothing."""
        caller = caller_of(request)
        view = service.view()
        job = service.jobs.start("whatif", caller.name, whatif_work(view, wanted))
        return accepted(job.document(), f"/v1/jobs/{job.id}", RETRY_AFTER_S)

    def get_whatif(request: Request, job: JobId) -> Response:
        """What would become of it."""
        return result_of(request, "whatif", job)

    def create_backtest(request: Request, wanted: Annotated[Backtest, Body()]) -> Response:
        """Let controllers compete on simulated hosts."""
        caller = caller_of(request)
        job = service.jobs.start("backtest", caller.name, backtest_work(service, wanted))
        service.audit(caller, "backtest", {"job": job.id})
        return accepted(job.document(), f"/v1/jobs/{job.id}", RETRY_AFTER_S)

    def get_backtest(request: Request, job: JobId) -> Response:
        """How the controllers fared."""
        return result_of(request, "backtest", job)

    # ------------------------------------------------------------ policies

    def get_policies(request: Request) -> Response:
        """The policy documents in force, and what is doubtful about them."""
        return fresh(request, policies_document(service))

    def validate_policies(
        request: Request, wanted: Annotated[models_desk.Documents, Body()]
    ) -> Response:
        """Check policy documents, also against the estate. Changes nothing."""
        caller_of(request)
        return done(validated(service, wanted.documents))

    # ------------------------------------------------------------ the past

    def list_outcomes(  # noqa: PLR0913, PLR0917 - one parameter per filter
        request: Request,
        vm: Annotated[str, Query(max_length=200)] = "",
        host: Annotated[str, Query(max_length=200)] = "",
        kind: ActionKind | None = None,
        outcome: OutcomeKind | None = None,
        plan: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        since_s: Annotated[float | None, Query(ge=0, le=1e11)] = None,
        until_s: Annotated[float | None, Query(ge=0, le=1e11)] = None,
        limit: Limit = 100,
    ) -> Response:
        """What was carried out, or tried, and what came of it, the newest first."""
        wanted = Filter(
            vm=vm,
            host=host,
            kind=kind,
            outcomes=(outcome,) if outcome else (),
            plan=plan,
            since_s=since_s,
            until_s=until_s,
            limit=limit,
        )
        items = [action_document(item) for item in service.journal.steps(wanted)]
        return fresh(request, {"items": items, "total": len(items), "next": None})

    def list_history(
        request: Request,
        vm: Annotated[str, Query(max_length=200)] = "",
        host: Annotated[str, Query(max_length=200)] = "",
        plan: Annotated[int | None, Query(ge=1, le=2**53)] = None,
        since_s: Annotated[float | None, Query(ge=0, le=1e11)] = None,
        until_s: Annotated[float | None, Query(ge=0, le=1e11)] = None,
        limit: Limit = 100,
    ) -> Response:
        """What was decided and what was refused, the newest first."""
        wanted = Filter(vm=vm, host=host, plan=plan, since_s=since_s, until_s=until_s, limit=limit)
        decisions = [decision_document(item) for item in service.journal.decisions(wanted)]
        refusals = (
            [] if host else [refusal_document(item) for item in service.journal.refusals(wanted)]
        )
        return fresh(request, {"decisions": decisions, "refusals": refusals})

    def list_audit(
        request: Request,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
        limit: Limit = 100,
    ) -> Response:
        """The audit trail, the oldest first, and whether its seals are whole."""
        rows = service.journal.audit_trail(after=after, limit=limit)
        verdict = service.journal.verify()
        return fresh(
            request,
            {
                "items": [
                    {
                        "id": item.id,
                        "at": moment(item.at_s),
                        "event": item.event,
                        "body": item.body,
                    }
                    for item in rows
                ],
                "intact": verdict.intact,
                "seal": verdict.seal,
                "next": str(rows[-1].id) if len(rows) == limit else None,
            },
        )

    # ------------------------------------------------------------ stop, tokens

    async def get_stop(request: Request) -> Response:
        """Whether the stop switch is pulled."""
        return fresh(request, stop_document(service.switch.state()))

    def pull_stop(request: Request, wanted: Annotated[models_desk.Pull, Body()]) -> Response:
        """Pull the stop switch: nothing more is begun, what runs is watched to its end."""
        caller = caller_of(request)
        service.switch.pull(caller.name, wanted.reason)
        service.audit(caller, "stop", {"reason": wanted.reason})
        document = stop_document(service.switch.state())
        service.events.tell("stop", document)
        return done(document)

    def release_stop(request: Request) -> Response:
        """Release the stop switch."""
        caller = caller_of(request)
        service.switch.release(caller.name)
        service.audit(caller, "stop-released", {})
        document = stop_document(service.switch.state())
        service.events.tell("stop", document)
        return done(document)

    def list_tokens(request: Request) -> Response:
        """API tokens, without their secrets."""
        items = [
            {
                "id": item.id,
                "name": item.name,
                "role": item.role.word,
                "created_at": moment(item.created_s),
                "expires_at": moment(item.expires_s),
            }
            for item in service.tokens.all()
        ]
        return fresh(request, {"items": items, "total": len(items), "next": None})

    def create_token(
        request: Request, wanted: Annotated[models_desk.TokenWanted, Body()]
    ) -> Response:
        """Make an API token. Its secret is shown this once."""
        caller = caller_of(request)
        token, secret = service.tokens.create(wanted.name, ROLES[wanted.role], wanted.days)
        service.audit(caller, "token", {"id": token.id, "name": token.name, "role": wanted.role})
        return done(
            {
                "id": token.id,
                "name": token.name,
                "role": token.role.word,
                "created_at": moment(token.created_s),
                "expires_at": moment(token.expires_s),
                "token": secret,
            },
            201,
        )

    def revoke_token(request: Request, token: Annotated[str, Path(max_length=80)]) -> Response:
        """End an API token, and the sessions begun with it."""
        caller = caller_of(request)
        if all(item.id != token for item in service.tokens.all()):
            raise missing("there is no such token", token[:80], "GET /v1/tokens lists them")
        service.tokens.revoke(token)
        service.audit(caller, "token-revoked", {"id": token})
        return Response(status_code=204)

    viewer, approver, operator, admin = Role
    desk, past = models_desk, Routes(router, "past")
    session, jobs = Routes(router, "session"), Routes(router, "jobs")
    policies, guard = Routes(router, "policies"), Routes(router, "safety")
    own = {"job": "$response.body#/id"}
    session.add("GET", "/v1/session", viewer, get_session, models.Session)
    session.add("DELETE", "/v1/session", viewer, log_out, None, status=204)
    jobs.add("GET", "/v1/jobs", viewer, list_jobs, models.JobPage, may=(422,))
    jobs.add(
        "GET", "/v1/jobs/{job}", viewer, get_job, models.Job, may=(404, 422),
        leads={"get_plan": {"plan": "$response.body#/plan"}},
    )  # fmt: skip
    jobs.add(
        "POST", "/v1/whatifs", viewer, create_whatif, models.Job, status=202, may=(400, 422),
        leads={"get_job": own, "get_whatif": own},
    )  # fmt: skip
    jobs.add("GET", "/v1/whatifs/{job}", viewer, get_whatif, models.JobResult, may=(404, 422))
    jobs.add(
        "POST", "/v1/backtests", operator, create_backtest, models.Job, status=202,
        may=(400, 409, 422), leads={"get_job": own, "get_backtest": own},
    )  # fmt: skip
    jobs.add("GET", "/v1/backtests/{job}", viewer, get_backtest, models.JobResult, may=(404, 422))
    policies.add("GET", "/v1/policies", viewer, get_policies, desk.Policies)
    policies.add(
        "POST", "/v1/policies/validate", viewer, validate_policies, desk.Validated,
        may=(400, 422),
    )  # fmt: skip
    past.add("GET", "/v1/outcomes", viewer, list_outcomes, desk.OutcomePage, may=(422,))
    past.add("GET", "/v1/history", viewer, list_history, desk.History, may=(422,))
    past.add("GET", "/v1/audit", admin, list_audit, desk.Audit, may=(422,))
    guard.add("GET", "/v1/stop", viewer, get_stop, models.Stop)
    guard.add("POST", "/v1/stop", approver, pull_stop, models.Stop, may=(400, 422))
    guard.add("DELETE", "/v1/stop", operator, release_stop, models.Stop)
    guard.add("GET", "/v1/tokens", admin, list_tokens, desk.TokenPage)
    guard.add(
        "POST", "/v1/tokens", admin, create_token, desk.NewToken, status=201, may=(400, 409, 422),
        leads={"revoke_token": {"token": "$response.body#/id"}},
    )  # fmt: skip
    guard.add(
        "DELETE", "/v1/tokens/{token}", admin, revoke_token, None, status=204,
        may=(404, 409, 422),
    )  # fmt: skip
    return router
