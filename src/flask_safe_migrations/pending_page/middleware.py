"""The WSGI application around the one of the developer: passes requests on, or answers with the page."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.wrappers import Request, Response

from ..errors import MigrationError
from ..settings import project_commands
from . import page, request_checks
from .checker import Checker
from .state import State

log = logging.getLogger("flask_safe_migrations")

PREFIX = "/_flask_safe_migrations"
APPLY, CONTINUE = f"{PREFIX}/apply", f"{PREFIX}/continue"
REFUSED = "Only a page of this server, opened on this machine, may do that."

StartResponse = Callable[..., Any]


class PendingPage:
    """Answer with the page if a database and the code do not fit together."""

    def __init__(self, app: Any, wsgi_app: Any) -> None:
        self.app, self.wsgi_app = app, wsgi_app
        self.checker = Checker(app)
        self.tokens = request_checks.Tokens()
        # Why the last press of the button has failed, and what the page showed then.
        self.failure: tuple[object, str] | None = None
        # Whether the button was pressed on a page that does not show the current state.
        self.is_outdated = False
        self.static_paths: tuple[str, ...] | None = None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        response = None
        if self.app.debug and not self.app.testing:
            response = self._answer(Request(environ))
        return (response or self.wsgi_app)(environ, start_response)

    def _answer(self, request: Request) -> Response | None:
        if request.path in {APPLY, CONTINUE}:
            return self._act(request)
        if self._is_static(request.path):
            return None
        try:
            return None if self.checker.passes() else self._check(request)
        except MigrationError as error:  # a foreign key that leads nowhere, for example
            log.warning("%s", error.message)
            return None
        except Exception:  # whatever it is, the application may still work
            log.warning("The pending page cannot tell whether the database is up to date.", exc_info=True)
            return None

    def _check(self, request: Request) -> Response | None:
        local = request_checks.is_local(request)
        opens_page = local and page.wants_html(request)
        state = self.checker.find_problem(details=opens_page)
        if opens_page and request.method == "GET" and not state.is_problem:
            state = self.checker.find_differences(state)
        return self._show(request, state, local=local) if state.is_problem else None

    def _show(self, request: Request, state: State, *, local: bool) -> Response:
        failed = self.failure if self.failure and self.failure[0] == state.identity else None
        outdated, self.is_outdated = self.is_outdated, False
        answer = page.Answer(
            name=self.app.name,
            commands=project_commands(self.app),
            return_path=request_checks.find_return_path(request),
            apply_path=request.script_root + APPLY,
            continue_path=request.script_root + CONTINUE,
            token=self.tokens.make(state.identity),
            failure=failed[1] if failed else "",
            is_form=request.method not in {"GET", "HEAD"},
            is_outdated=outdated,
        )
        return page.respond(request, state, answer, local=local)

    def _act(self, request: Request) -> Response:
        """Do what a button of the page is for, then return to the page that was asked for."""
        if request.method != "POST":
            return page.refuse("Only the button of the page leads here.", 405, Allow="POST")
        is_own = request_checks.is_local(request) and request_checks.is_same_origin(request)
        if not (is_own and request.form.get("token")):
            return page.refuse(REFUSED, 403)
        back = page.redirect(request_checks.safe_path(request.form.get("next", "/")))
        try:
            self._press(request)
        except Exception:  # the page itself will show what is wrong
            log.warning("The pending page could not do that.", exc_info=True)
        return back

    def _press(self, request: Request) -> None:
        state = self.checker.find_problem(details=False)
        if request.path == CONTINUE and not state.is_problem:
            state = self.checker.find_differences(state)
        if not state.is_problem:
            return  # another process was faster
        if not self.tokens.is_valid(request.form["token"], state.identity):
            self.is_outdated = True  # or forged: in both cases nothing is done
        elif request.path == CONTINUE:
            self.checker.dismiss_differences()
        elif state.can_apply:
            failure = self.checker.apply()
            # It may have applied some of the revisions.
            left = self.checker.find_problem(details=False).identity if failure else None
            self.failure = (left, failure) if failure else None

    def _is_static(self, path: str) -> bool:
        """Return whether this is a file of the application or of a blueprint, which needs no database."""
        if self.static_paths is None:
            self.static_paths = tuple(
                rule.rule.partition("<")[0]
                for rule in self.app.url_map.iter_rules()
                if rule.endpoint == "static" or rule.endpoint.endswith(".static")
            )
        return path.startswith(self.static_paths)
