"""The browsable description of each dialect: Swagger UI over the OpenAPI document, open to everybody."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_safe

from livehub.api.wire import DYTE, WIRES, Wire


@require_safe
def api_docs(request: HttpRequest, wire: Wire) -> HttpResponse:
    """Show the operations of a dialect."""
    pages = [(each, reverse(f"docs-{each.name}")) for each in WIRES]
    context = {"wire": wire, "pages": pages, "schema_url": reverse(f"schema-{wire.name}")}
    return render(request, "api_docs.html", context)


@require_safe
def dyte_docs(request: HttpRequest) -> HttpResponse:
    """Lead on who looks where Dyte has its own."""
    return redirect(f"docs-{DYTE.name}")


urlpatterns: list[URLPattern] = [path(wire.name, api_docs, {"wire": wire}, name=f"docs-{wire.name}") for wire in WIRES]
