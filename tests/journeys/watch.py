"""What no page may do, whoever opens it: break the content security policy, log an error, call a stranger."""

from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response, WebError

HERE = {"localhost", "127.0.0.1"}  # the portal and the sandbox; everything else is outside
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", event =>
  console.error("content security policy:", event.violatedDirective, event.blockedURI))
"""


class Watch:
    """Collects what the pages of one browser context did wrong; `problems` are sentences."""

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("console", self._heard)
        context.on("weberror", self._broke)
        context.on("request", self._left)
        context.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        # The browser also logs the status of every refused page; _answered tells wanted from unwanted ones.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.problems.append(f"console: {message.text}")

    def _broke(self, error: WebError) -> None:
        self.problems.append(f"script error: {error.error}")

    def _left(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.hostname not in HERE:
            self.problems.append(f"request to the outside: {request.url}")

    def _answered(self, response: Response) -> None:
        """A page may be refused, which its journey expects or not; its parts may not be missing."""
        refused = response.status >= 400 and not response.request.is_navigation_request()
        if refused or response.status >= 500:
            self.problems.append(f"answer {response.status}: {response.url}")
