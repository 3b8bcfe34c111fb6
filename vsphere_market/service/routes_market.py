"""Reading: the estate, prices, clusters, VMs, hosts, explanations, snapshots."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from vsphere_market.journal import Filter, estate_key
from vsphere_market.service import models, models_plans
from vsphere_market.service.billing import bills_page
from vsphere_market.service.explaining import explanation_document
from vsphere_market.service.jobs import RETRY_AFTER_S
from vsphere_market.service.listing import (
    HOST_FIELDS,
    HOST_SORTS,
    MOST_ROWS,
    VM_FIELDS,
    VM_SORTS,
    Wanted,
    host_page,
    vm_page,
)
from vsphere_market.service.marketdocs import (
    Span,
    estate_of,
    host_document,
    market_document,
    prices_of,
)
from vsphere_market.service.pastdocs import cycle_document
from vsphere_market.service.ready import plain
from vsphere_market.service.roles import Role
from vsphere_market.service.routing import (
    Routes,
    accepted,
    caller_of,
    fresh,
    guarded,
    reply,
    shelved,
)
from vsphere_market.service.state import Service
from vsphere_market.service.stop import stop_document
from vsphere_market.service.view import View
from vsphere_market.service.words import Document, moment

Name = Annotated[str, Path(max_length=200)]
Search = Annotated[str, Query(max_length=200, description="Part of a name, or an id.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
Cursor = Annotated[
    str,
    Query(
        max_length=2000,
        description="The `next` of the page before. It names the last row by its value, not by its "
        "place: pages go on at the right row though others have come and gone.",
    ),
]
Offset = Annotated[int, Query(ge=0, le=10_000_000, description="Rows to leave out before it.")]


def _sort(columns: tuple[str, ...]) -> Any:
    """The parameter ``sort``; the document lists what it takes, and the list refuses the rest."""
    return Query(
        description="A column; `-` before it: largest first.",
        json_schema_extra={"enum": [sign + name for name in columns for sign in ("", "-")]},
    )


def _column(columns: tuple[str, ...]) -> Any:
    """An item of ``fields``; the document lists what it takes, and the list refuses the rest."""
    return Field(json_schema_extra={"enum": list(columns)}, max_length=2000)


Fields = Query(description="Columns; none gives all.", max_length=100)


def market_routes(service: Service) -> APIRouter:
    """The routes of this module."""
    router = guarded()
    routes = Routes(router, "market")

    async def get_estate(request: Request) -> Response:
        """The estate in one page: source, clusters, squeeze, stage, stop switch."""
        view = service.view()
        document = {
            **estate_of(view),
            "now": moment(service.clock.now_s()),
            "stage": service.stage,
            "interval_s": service.settings.interval_s,
            "stop": stop_document(service.switch.state()),
            "executing": service.executions.running(),
        }
        return fresh(request, document)

    async def get_prices(
        request: Request,
        cluster: Annotated[str, Query(max_length=200, description="Only of this one.")] = "",
    ) -> Response:
        """Hosts by price, and who is squeezed the most."""
        view = service.view()
        moid = None
        if cluster:
            moid = view.snapshot.clusters.moid[service.cluster_row(view, cluster)]
        # Made with the turn already, so that this waits for nothing.
        return reply(request, prices_of(view, moid))

    async def get_cluster_market(
        request: Request,
        cluster: Name,
        since_s: Annotated[float | None, Query(description="Unix time.", ge=0, le=1e11)] = None,
        until_s: Annotated[float | None, Query(description="Unix time.", ge=0, le=1e11)] = None,
        points: Annotated[int, Query(ge=2, le=2000)] = 300,
    ) -> Response:
        """One cluster's prices over time, its supply and demand, potential and bound."""
        view = service.view()
        row = service.cluster_row(view, cluster)
        span = Span(since_s, until_s, points)
        return await shelved(
            request,
            view.shelf,
            ("market", row, span),
            lambda: market_document(view, service.journal, row, span),
        )

    async def list_vms(  # noqa: PLR0913, PLR0917 - one parameter per filter
        request: Request,
        search: Search = "",
        cluster: Annotated[str, Query(max_length=200)] = "",
        host: Annotated[str, Query(max_length=200)] = "",
        cause: Annotated[str, Query(max_length=60)] = "",
        squeezed: bool | None = None,
        running: bool | None = None,
        sort: Annotated[str, _sort(VM_SORTS)] = "name",
        fields: Annotated[list[Annotated[str, _column(VM_FIELDS)]], Fields] = [],  # noqa: B006
        limit: Limit = 100,
        cursor: Cursor = "",
        offset: Offset = 0,
    ) -> Response:
        """VMs: filtered, sorted, page by page."""
        view = service.view()
        wanted = Wanted(
            search, cluster, host, cause, squeezed, running, sort, _listed(fields), limit,
            cursor, offset,
        )  # fmt: skip
        key = ("vms", wanted)
        return await shelved(request, view.shelf, key, lambda: vm_page(view, wanted).document())

    async def list_hosts(
        request: Request,
        search: Search = "",
        cluster: Annotated[str, Query(max_length=200)] = "",
        sort: Annotated[str, _sort(HOST_SORTS)] = "-price",
        fields: Annotated[list[Annotated[str, _column(HOST_FIELDS)]], Fields] = [],  # noqa: B006
        limit: Limit = 100,
        cursor: Cursor = "",
        offset: Offset = 0,
    ) -> Response:
        """Hosts: filtered, sorted, page by page."""
        view = service.view()
        wanted = Wanted(
            search,
            cluster,
            sort=sort,
            fields=_listed(fields),
            limit=limit,
            cursor=cursor,
            offset=offset,
        )

        def make() -> Document:
            documents = [host_document(view, item) for item in view.market.hosts]
            return host_page(documents, wanted).document()

        return await shelved(request, view.shelf, ("hosts", wanted), make)

    async def get_explanation(request: Request, subject: Name) -> Response:
        """Why: numbers, quotes, offers, rules and history of a VM or host, by id or name."""
        view = service.view()
        kept = await service.plans.find(str(view.plan_number))
        # On the plan's shelf, since what was said about its steps is in it.
        return await shelved(
            request,
            kept.shelf,
            ("explanation", view.number, subject),
            lambda: explanation_document(view, service.journal, kept, subject),
        )

    async def get_latest_snapshot(request: Request) -> Response:
        """The latest look at the estate."""
        return fresh(request, _snapshot(service.view()))

    def list_snapshots(
        request: Request,
        limit: Limit = 50,
        before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    ) -> Response:
        """Looks at the estate that the journal knows, the newest first."""
        view = service.view()
        estate = estate_key(view.snapshot.source)
        most = 1_000_000 if before else limit + 1
        found = [
            item
            for item in service.journal.cycles(Filter(estate=estate, limit=most))
            if before is None or item.id < before
        ]
        items = [cycle_document(item) for item in found[:limit]]
        more = str(found[limit - 1].id) if len(found) > limit else None
        return fresh(request, {"items": items, "total": len(found), "next": more})

    def refresh_snapshot(request: Request) -> Response:
        """Look at the estate now."""
        caller = caller_of(request)
        job = service.refresh(caller.name)
        service.audit(caller, "refresh", {"job": job.id})
        return accepted(job.document(), f"/v1/jobs/{job.id}", RETRY_AFTER_S)

    viewer = Role.VIEWER
    routes.add(
        "GET", "/v1/estate", viewer, get_estate, models.Estate,
        leads={"get_plan": {"plan": "$response.body#/plan"}},
    )  # fmt: skip
    routes.add("GET", "/v1/prices", viewer, get_prices, models.Prices, may=(404, 422))
    routes.add(
        "GET", "/v1/clusters/{cluster}/market", viewer, get_cluster_market, models.ClusterMarket,
        may=(404, 422),
    )  # fmt: skip
    first = {"get_explanation": {"subject": "$response.body#/items/0/moid"}}
    routes.add("GET", "/v1/vms", viewer, list_vms, models.VmPage, may=(400, 404, 422), leads=first)
    routes.add(
        "GET", "/v1/hosts", viewer, list_hosts, models.HostPage, may=(400, 404, 422), leads=first
    )
    _bills_route(routes, service)
    routes.add(
        "GET", "/v1/explanations/{subject}", viewer, get_explanation, models_plans.Explanation,
        may=(404, 409, 422),
    )  # fmt: skip
    routes.add("GET", "/v1/snapshots/latest", viewer, get_latest_snapshot, models.Snapshot)
    routes.add("GET", "/v1/snapshots", viewer, list_snapshots, models.SnapshotPage, may=(422,))
    routes.add(
        "POST", "/v1/snapshots", Role.OPERATOR, refresh_snapshot, models.Job, status=202,
        leads={"get_job": {"job": "$response.body#/id"}},
    )  # fmt: skip
    return router


def _bills_route(routes: Routes, service: Service) -> None:
    async def list_bills(
        request: Request,
        by: Literal["application", "pool"] = "application",
        search: Annotated[str, Query(max_length=200, description="Part of a name.")] = "",
        limit: Limit = 100,
        cursor: Cursor = "",
    ) -> Response:
        """Who pays: applications or resource pools, the dearest first, with all that VMs pay."""
        view = service.view()
        return await shelved(
            request,
            view.shelf,
            ("bills", by, search, limit, cursor),
            lambda: bills_page(view, by, search, limit, cursor),
        )

    routes.add("GET", "/v1/bills", Role.VIEWER, list_bills, models_plans.BillPage, may=(404, 422))


def _listed(fields: list[str]) -> tuple[str, ...]:
    """Columns, repeated or with commas between."""
    return tuple(name.strip() for part in fields for name in part.split(",") if name.strip())


def _snapshot(view: View) -> Document:
    snapshot = view.snapshot
    source = snapshot.source
    document: Document = plain(
        {
            "turn": view.number,
            "taken_at": moment(snapshot.taken_at_s),
            "source": {
                "kind": source.kind,
                "name": source.name,
                "instance_uuid": source.instance_uuid or None,
                "version": source.version or None,
            },
            "hosts": len(snapshot.hosts),
            "vms": len(snapshot.vms),
            "clusters": len(snapshot.clusters),
            "missing": list(snapshot.missing),
        }
    )
    return document
