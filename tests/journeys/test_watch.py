"""The watch over pages sees what it is there to see."""

import pytest
from playwright.sync_api import Browser

from tests.journeys.watch import Watch

pytestmark = pytest.mark.xdist_group("journeys: small")

MISBEHAVE = {
    "content security policy": "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')",
    "request to the outside": "document.body.append(Object.assign(new Image(), {src: 'http://outside.example/x.png'}))",
    "answer 404": "fetch('/static/nothing.js')",
    "script error": "setTimeout(() => { throw new Error('oh') })",
    "console: oh": "console.error('oh')",
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("wrong", "script"), MISBEHAVE.items())
def test_a_page_that_misbehaves_is_noticed(browser: Browser, portal, wrong, script):
    context = browser.new_context(base_url=portal)
    watch, page = Watch(context), context.new_page()
    page.goto("/account/login/")
    assert watch.problems == []

    page.evaluate(script)
    page.wait_for_timeout(200)
    context.close()

    assert any(problem.startswith((wrong, f"console: {wrong}")) for problem in watch.problems)
