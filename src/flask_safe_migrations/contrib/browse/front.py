"""Of one database the pages stand at /, of several each at /NAME, with a list of them at /."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from markupsafe import Markup
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from ...runtime import binds
from .viewer import Viewer

# Another site must not reach the pages under a name of its own: https://en.wikipedia.org/wiki/DNS_rebinding
TRUSTED_HOSTS = ["127.0.0.1", "localhost"]


def front(viewers: list[Viewer]) -> Callable[..., Iterable[bytes]]:
    if len(viewers) == 1:
        return viewers[0]
    places: dict[str, Any] = {
        "/" + re.sub(r"\W", "_", binds.label(viewer.database)): viewer for viewer in viewers
    }
    app = Flask(__name__)
    app.config["TRUSTED_HOSTS"] = TRUSTED_HOSTS

    @app.get("/")
    def index() -> str:
        line = Markup('<li><a href="{}/">{}</a> {}</li>')
        lines = (
            line.format(place, binds.label(viewer.database), viewer.database)
            for place, viewer in places.items()
        )
        return Markup("<title>Databases</title><h1>Databases</h1><ul>{}</ul>").format(Markup("").join(lines))

    return DispatcherMiddleware(app, places)
